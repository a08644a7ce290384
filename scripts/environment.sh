# Sourced by demo.sh and test.sh: `prepare EXTRAS` leaves a .venv that holds autoact[EXTRAS] under constraints.txt.

find_python() {
    local candidate
    for candidate in python3 python3.13 python3.12 python3.11 python3.14 python; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "autoact needs Python 3.11 or newer, and none was found: install one (e.g. 'apt install python3.12 python3.12-venv'" \
        "or 'brew install python@3.12') and run this script again." >&2
    return 1
}

prepare() {
    local extras="$1" python wanted stamp=".venv/.installed-$1"
    wanted="$(cat pyproject.toml constraints.txt | cksum) $PWD"
    if .venv/bin/python -c '' 2>/dev/null && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
        return
    fi
    if ! .venv/bin/python -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python="$(find_python)" || exit 2
        echo "Making .venv with $("$python" --version)"
        if ! "$python" -m venv --clear .venv; then
            echo "$python could not make .venv: its venv module is missing (on Debian and Ubuntu: apt install python3-venv)" \
                "or this folder cannot be written." >&2
            exit 2
        fi
    fi
    echo "Installing autoact[$extras]; the first time this takes some minutes, most of them for torch"
    if ! .venv/bin/python -m pip install --no-compile --quiet --quiet --constraint constraints.txt torch --editable ".[$extras]"; then
        echo "The installation failed for the reason above; run this script again to continue." >&2
        exit 2
    fi
    # pip would compile 20,000 files one after the other; some are templates that nothing compiles
    .venv/bin/python -W ignore -m compileall -qq -j 0 .venv/lib || true
    echo "$wanted" > "$stamp"
}
