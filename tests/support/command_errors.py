"""What a command must do with bad options."""

import subprocess
import sys

CODE = """
import sys
from dat_keras.cli import main
try:
    main(sys.argv[1:])
finally:
    print({"tensorflow", "matplotlib"} & sys.modules.keys())
"""


def assert_refused(result, line, folder):
    """One line, exit code 2, and nothing printed or written."""
    assert result.exit_code == 2
    assert line in result.stderr.splitlines()[-1]
    assert result.stdout == "" and list(folder.iterdir()) == []


def assert_refused_early(line, *arguments):
    """Likewise, before TensorFlow is loaded."""
    done = subprocess.run(
        [sys.executable, "-c", CODE, *map(str, arguments)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert line in done.stderr
    assert done.stdout.splitlines()[-1] == "set()"
