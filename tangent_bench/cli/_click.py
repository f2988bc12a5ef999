"""How a command is written in its help, and how every exception is answered."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup

from tangent_bench import registry

if TYPE_CHECKING:
    from typer._click.core import Context  # typer.Context is a class below it

# click's class, of which later versions of typer have a copy of their own
ClickException: type[Exception] = typer.BadParameter.__mro__[2]
BRACES = str.maketrans("", "", "{}")


class Command(TyperCommand):
    """Calls arguments by their words alone: METHOD, and not {METHOD}, nor METHOD <str>."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for parameter in self.params:
            if parameter.param_type_name == "argument":
                vars(parameter)["display_type_rich"] = lambda ctx: ""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The words of the line of usage."""
        return [piece.translate(BRACES) for piece in super().collect_usage_pieces(ctx)]


class Sentences(TyperGroup):
    """Answers every exception with status 2; 1 is a verdict.

    A ValueError is about the user's input, and its sentence is all that is said. Anything else is
    ours, and the traceback stands above.
    """

    def invoke(self, ctx: Context) -> object:
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort, ClickException, BrokenPipeError):
            raise
        except ValueError as sentence:
            typer.echo(f"Error: {sentence}", err=True)
            raise typer.Exit(2) from None
        except Exception as error:
            traceback.print_exc()
            typer.echo(
                f"Error: tangent-bench met what it did not expect ({registry.described(error)}); "
                "please report it with the lines above.",
                err=True,
            )
            raise typer.Exit(2) from None
