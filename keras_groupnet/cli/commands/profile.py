"""`groupnet profile`: what single ops cost on this machine, for `groupnet summary --profile`."""

from absl import app, flags

from keras_groupnet.cli.paths import output_file

USAGE = "[-o PROFILE.json] [flags]    (a minute on one thread; leave the machine alone meanwhile)"
_SETS = ("avx512", "avx2", "popcnt", "neon", "scalar")


def define_flags(values: flags.FlagValues) -> None:
    """Defines the flags of the command."""
    flags.DEFINE_string(
        "output", "profile.json", "the file to write", short_name="o", flag_values=values
    )
    flags.DEFINE_enum(
        "instruction_set",
        None,
        list(_SETS),
        f"that our ops may use at most: {', '.join(_SETS)}; the best of the machine by default",
        flag_values=values,
    )


def main(values: flags.FlagValues, positional: list[str]) -> None:
    """Measures and writes the profile."""
    if positional:
        raise app.UsageError(
            f"Expected flags only: -o {positional[0]}? Received: {' '.join(positional)}"
        )
    path = output_file(values.output, ".json")
    from rich.console import Console
    from rich.progress import Progress

    try:
        from keras_groupnet.bench.profile import measure_profile, write_profile
    except ModuleNotFoundError as error:
        raise RuntimeError(
            f"Measuring needs the package {error.name}: "
            "install it with `pip install keras-groupnet[convert]`."
        ) from error
    console = Console(highlight=False)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("Timing ops", total=1.0)
        profile = measure_profile(
            values.instruction_set, lambda share: progress.update(task, completed=share)
        )
    write_profile(profile, path)
    console.print(
        f"{path}: {len(profile['ops'])} kinds of ops, our own with {profile['instruction_set']}. "
        f"Use it: groupnet summary --profile={path}",
        soft_wrap=True,
    )
