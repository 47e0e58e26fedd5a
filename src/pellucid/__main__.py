# SPDX-License-Identifier: Apache-2.0
"""`python -m pellucid` is the `pellucid` command."""

from pellucid.cli import main

if __name__ == "__main__":
    main()
