"""How a command ends: exit codes, and errors as one clear message."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

RUN_FAILED = 1
WRONG_INPUT = 2
INFEASIBLE = 3
INTERRUPTED = 130


class WrongInput(click.ClickException):
    """The command line or a file is wrong."""

    exit_code = WRONG_INPUT


class RunFailed(click.ClickException):
    """A run could not be finished, or cannot be trusted."""

    exit_code = RUN_FAILED


@contextmanager
def clear_errors() -> Iterator[None]:
    """Turn what a file, a folder or a policy does wrong into one message."""
    from concurrent.futures.process import BrokenProcessPool

    from analysis.errors import FigureError
    from sim.fleet.pool import FleetError
    from sim.scenario import ScenarioError

    try:
        yield
    except ScenarioError as error:
        click.echo(str(error), err=True)
        sys.exit(WRONG_INPUT)
    except FigureError as error:
        raise WrongInput(str(error)) from None
    except FileExistsError as error:
        raise WrongInput(f"{error}; name another --out, or overwrite it with --force") from None
    except OSError as error:
        raise WrongInput(f"{error.filename or 'the results'}: {error.strerror or error}") from None
    except FleetError as error:
        raise RunFailed(str(error)) from None
    except BrokenProcessPool:
        raise RunFailed("a worker process was lost, perhaps for want of memory; --jobs 1 needs the least") from None
