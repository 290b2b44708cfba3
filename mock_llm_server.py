"""`python mock_llm_server.py` is `understudy serve`, from a bare clone too, once `make serve` has run."""

import os
import sys
from pathlib import Path

VENV = Path(__file__).resolve().parent / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

try:
    from understudy.cli import main
except ModuleNotFoundError:
    if not PYTHON.exists() or Path(sys.prefix).resolve() == VENV.resolve():
        sys.exit("run: make serve")
    os.execv(PYTHON, [str(PYTHON), __file__, *sys.argv[1:]])

if __name__ == "__main__":
    sys.argv.insert(1, "serve")
    main()
