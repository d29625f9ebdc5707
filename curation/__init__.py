"""Hedgerow: curate reasoning traces for distillation, with the student in view."""
