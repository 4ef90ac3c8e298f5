"""Command line: verbs and exit codes, nothing else.

Exit status 0: good; 1: the run or comparison failed; 2: the input is wrong. Results go to standard output, all talk
to standard error.
"""

from archsim.cli.entry import main

__all__ = ["main"]
