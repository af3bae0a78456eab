"""The command line: `groupnet <command> [arguments]`, one module of `commands` each."""

import contextlib
import sys
from collections.abc import Sequence
from importlib import import_module

from absl import app, flags
from rich.console import Console
from rich.table import Table

from keras_groupnet.conversion.export.quiet import quiet_libraries
from keras_groupnet.version import __version__

COMMANDS = {
    "demo": "train a small Group-Net, convert it, run it, compare it with float32 and int8",
    "train": "train a model of the zoo in the stages of its method, or resume its training",
    "import": "turn the .h5 file of a Larq or tf.keras model into a .keras file",
    "expand": "turn the .keras file of any model into that of a low-bit network to train",
    "search": "search the partition of a model of the zoo, and the bases and bits of its groups",
    "convert": "turn a .keras file into a .tflite file and check it",
    "export_c": "turn a .keras or .tflite file into one C file for machines without a runtime",
    "verify": "compare a .tflite file with the .keras file that it was made from, layer by layer",
    "summary": "show bits, MACs, memory, speed-up and estimated time of each layer",
    "profile": "time single ops on this machine, for the estimates of summary",
    "report": "write a page about a model or a file: drawing, tables, measured times, sizes",
    "benchmark": "time an architecture as Group-Net, float32 and int8, side by side",
    "benchmark_layers": "time single convolutions against float32 and int8, side by side",
}


def run(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        argv: command and arguments; those of the process if None.

    Returns:
        The exit code: 0 success, 1 the command failed, 2 it was called wrongly.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    name = arguments.pop(0) if arguments else ""
    if name in ("", "-h", "--help", "--version"):
        _console().print(__version__ if name == "--version" else _overview())
        return 0 if name else 2
    if name not in COMMANDS:
        return _failure(
            2,
            f"Expected a command: {', '.join(COMMANDS)}. Received: {name!r}. "
            "See `groupnet --help`.",
        )
    command = import_module(f"keras_groupnet.cli.commands.{name}")
    values = flags.FlagValues()
    flags.DEFINE_bool("help", False, "show this", short_name="h", flag_values=values)
    flags.DEFINE_bool(
        "debug", False, "show tracebacks and what the libraries print", flag_values=values
    )
    command.define_flags(values)
    try:
        positional = values([name, *arguments])[1:]
        if values.help:
            _print_help(name, command.USAGE, values)
            return 0
        with contextlib.nullcontext() if values.debug else quiet_libraries():
            return command.main(values, positional) or 0
    except (flags.Error, app.UsageError) as error:
        return _failure(2, f"{error} See `groupnet {name} --help`.")
    except KeyboardInterrupt:
        return _failure(130, "Interrupted.")
    except Exception as error:
        if values.debug:
            raise
        return _failure(1, f"{error or type(error).__name__} (--debug shows where.)")


def _failure(code: int, message: str) -> int:
    print(f"groupnet: {' '.join(message.split())}", file=sys.stderr)
    return code


def _console() -> Console:
    return Console(highlight=False, markup=False)


def _overview() -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_row("groupnet", "COMMAND [ARGUMENTS]    (each command has --help)\n")
    for name, what in COMMANDS.items():
        table.add_row(name, what)
    return table


def _print_help(name: str, usage: str, values: flags.FlagValues) -> None:
    table = Table.grid(padding=(0, 2))
    # A flag with a short name is listed twice.
    for flag in {id(values[key]): values[key] for key in values}.values():
        if flag.boolean:
            table.add_row(f"--[no]{flag.name}", flag.help)
        else:
            default = "" if flag.default in (None, []) else f" (default: {flag.default_as_str})"
            table.add_row(f"--{flag.name}", flag.help + default)
    console = _console()
    console.print(f"groupnet {name} {usage}\n\n{COMMANDS[name]}\n")
    console.print(table)
