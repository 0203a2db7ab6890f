"""`canzhi run`: train a demonstration model if there is none, value the sample packs, serve the page."""

from __future__ import annotations

from pathlib import Path

import click

from service.cli import load_command, print_message
from service.commands.console.opened_service import chosen_day, open_service
from service.commands.value import value_and_print
from service.pack_files import read_files
from service.server import serve_http
from service.settings import Settings
from service.store.upgrade import make_folder
from service.valuation_service import RequestTerms, find_model
from valuation.ingest import join_traces
from valuation.messages import Message
from valuation.ports import Predictor

DEMONSTRATION_PACKS = 6000
DEMONSTRATION_SEED = 4  # the seed of the market of the sample packs and quotes
SAMPLES = Path(__file__).resolve().parents[2] / "data_samples"
_SAMPLE_KINDS = {".json", ".jsonl"}


@click.command()
@click.option("--no-serve", is_flag=True, help="Do not serve.")
@click.option("--host", metavar="ADDRESS", help="Address to listen on.  [default: CANZHI_HOST, else 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on.  [default: CANZHI_PORT, else 8000]")
@click.option(
    "--packs",
    type=click.IntRange(min=100),
    default=DEMONSTRATION_PACKS,
    show_default=True,
    help="Packs of the synthetic market.",
)
def run(*, no_serve: bool, host: str | None, port: int | None, packs: int) -> None:
    """Train a demonstration model if needed, value the sample packs, serve the page (一键运行)."""
    settings = Settings.from_environment()
    model = find_model(settings)
    if model is None:
        print_message(Message("command.training_demonstration"))
        train_demonstration(settings, packs)
        model = find_model(settings)
    print_message(_model_in_use(model))
    value_samples(settings)
    if no_serve:
        return

    print_message(Message("command.serving", address=f"{host or settings.host}:{port or settings.port}"))
    serve_http(host=host, port=port)


def _model_in_use(model: Predictor | None) -> Message:
    if model is None:
        return Message("command.no_model")
    identity = "command.demonstration_in_use" if model.demonstration else "command.model_in_use"
    return Message(identity, name=model.name, version=model.version)


def train_demonstration(settings: Settings, packs: int) -> None:
    """Simulate a market and train the champion on it, with the commands of `training`."""
    simulate, train = load_command("simulate"), load_command("train")
    if simulate is None or train is None:
        print_message(Message("command.no_training"), Message("cli.package_missing.hint"))
        return
    try:
        _simulate_and_train(simulate, train, settings, packs)
    except ModuleNotFoundError as missing:
        print_message(Message("cli.package_missing", package=missing.name), Message("cli.package_missing.hint"))


def _simulate_and_train(simulate: click.Command, train: click.Command, settings: Settings, packs: int) -> None:
    out = settings.home / "demonstration"
    make_folder(out)  # fails before the work if the folder is not writable
    simulate.main([str(out), "--packs", str(packs), "--seed", str(DEMONSTRATION_SEED)], standalone_mode=False)
    ledger, market = str(out / "sales.parquet"), str(out / "quotes.csv")
    arguments = [ledger, "--traces", str(out), "--market", market, "--name", "demonstration"]
    train.main(arguments, standalone_mode=False)


def value_samples(settings: Settings) -> None:
    """Value the sample packs of the checkout, if there are any, and print them."""
    samples = sorted(path for path in SAMPLES.glob("*") if path.suffix in _SAMPLE_KINDS)
    if not samples:
        print_message(Message("command.no_samples"))
        return
    read = [read_files([path]) for path in samples]
    problems = [problem for _, found in read for problem in found]
    with open_service(settings) as service:
        terms = RequestTerms(as_of=chosen_day(service, None))
        value_and_print(service, join_traces([traces for traces, _ in read]), terms, problems)
