"""``azawatch compare``: what another rule set, protocol or mapping would have told about the same archive."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.offline import (
    JobsOption,
    Offline,
    PathsArgument,
    Replayed,
    UntilOption,
    parse_times,
    tell_defects,
)
from engine.cli.outputs import Outputs, refuse_overwriting
from engine.cli.shared import (
    DIFFERENT,
    QUARANTINED,
    ConfigOption,
    MappingsOption,
    ProtocolOption,
    fail,
    load_settings,
    print_table,
    say,
)
from engine.errors import ConfigError, Defect

if TYPE_CHECKING:
    from engine.compare import Comparison
    from engine.settings import Settings
    from engine.spells import Spell


class OutputFormat(StrEnum):
    """How a comparison is printed."""

    TEXT = "text"
    JSON = "json"
    HTML = "html"


@dataclass(frozen=True, slots=True)
class _Told:
    """What one side told, the settings and the replay that it came from."""

    spells: Sequence[Spell]
    settings: Settings
    replayed: Replayed

    @property
    def made_of(self) -> dict[str, str]:
        """Where its knowledge is from and what it is, in words."""
        settings = self.settings
        return {
            "rules": str(settings.rules),
            "mappings": str(settings.mappings),
            "protocol": settings.protocol,
            "revision": self.replayed.knowledge.revision,
        }


def compare(
    paths: PathsArgument,
    rules: Annotated[Path | None, typer.Option(help="Side A: folder of rules; default: in use.")] = None,
    against: Annotated[Path | None, typer.Option(help="Side B: folder of rules; default: as A.")] = None,
    roster: Annotated[Path | None, typer.Option(help="Who takes what: roster CSV.")] = None,
    protocol: ProtocolOption = None,
    against_protocol: Annotated[str | None, typer.Option(help="Side B: protocol; default: as A.")] = None,
    mappings: MappingsOption = None,
    against_mappings: Annotated[Path | None, typer.Option(help="Side B: mappings; default: as A.")] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Compare what was paged from this ISO time on; use all before."),
    ] = None,
    until: UntilOption = None,
    jobs: JobsOption = 1,
    form: Annotated[OutputFormat, typer.Option("--format", help="What to print.")] = OutputFormat.TEXT,
    report: Annotated[Path | None, typer.Option(help="Write the comparison as one HTML file.")] = None,
    identify: Annotated[
        bool, typer.Option("--identify", help="Name patients by identifier instead of by number.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Run an archive under two sets of knowledge and list the alerts that are not the same.

    Alerts only in A or only in B, told earlier or later, of another severity or by another rule; totals for
    each rule, and per 100 patient-years on therapy. Exit 0: both tell the same alerts, and as often; 3: they
    differ; 1: they do not, but a file could not be read to its end; 2: a side that does not load, or no
    message at all.
    """
    from engine.compare import compare as match
    from engine.compare import side_of
    from engine.report import patient_names

    if "-" in paths:
        raise fail("an archive on standard input can be read only once", "compare files or folders")
    if against is None and against_protocol is None and against_mappings is None:
        raise fail("both sides are the same", "say --against, --against-protocol or --against-mappings")
    begin, end = parse_times(since, until)
    with ExitStack() as stack:
        first_side, second_side = _sides(
            paths,
            roster,
            end,
            config,
            {"rules": rules, "protocol": protocol, "mappings": mappings},
            {
                "rules": against or rules,
                "protocol": against_protocol or protocol,
                "mappings": against_mappings or mappings,
            },
        )
        read = {
            "--roster": roster,
            "--config": config,
            "--rules": rules,
            "--against": against,
            "--mappings": mappings,
            "--against-mappings": against_mappings,
        }
        refuse_overwriting({"--report": report}, read, paths, first_side.files)
        outputs = Outputs(stack)
        report_file = outputs.open("report", report)
        a = _told("A", first_side, jobs)
        stack.callback(a.replayed.close)
        if not a.replayed.summary.messages:
            tell_defects(a.replayed.defects)
            raise fail(f"no message in {', '.join(paths)}", "name files or folders of HL7 messages")
        b = _told("B", second_side, jobs)
        stack.callback(b.replayed.close)
        comparison = match(
            side_of(a.spells, begin), side_of(b.spells, begin), a.replayed.patient_days(begin), begin
        )
        names = patient_names((*a.spells, *b.spells), identify=identify)
        if report_file is not None or form is OutputFormat.HTML:
            html = _as_html(paths, comparison, a, b, names, identify=identify)
            if report_file is not None:
                report_file.write(html.encode())
                outputs.finish()
    match form:
        case OutputFormat.JSON:
            typer.echo(json.dumps(_as_json(comparison, a, b, names), ensure_ascii=False))
        case OutputFormat.HTML:
            typer.echo(html, nl=False)
        case OutputFormat.TEXT:
            _print(comparison, names)
    first, second = a.replayed.summary, b.replayed.summary
    say(
        f"{first.messages} messages, {first.quarantined} quarantined under A and {second.quarantined} under B"
    )
    tell_defects(a.replayed.defects)
    if not comparison.alike:
        raise typer.Exit(DIFFERENT)
    if a.replayed.defects:
        raise typer.Exit(QUARANTINED)


def _sides(
    paths: Sequence[str],
    roster: Path | None,
    until: datetime | None,
    config: Path | None,
    *own: Mapping[str, object],
) -> list[Offline]:
    """Both sides about to be replayed; the defects of both are told at once, each with its side."""
    sides: list[Offline] = []
    defects: list[Defect] = []
    for side, options in zip("AB", own, strict=True):
        try:
            sides.append(Offline(paths, roster, load_settings(config, **options), until))
        except ConfigError as error:
            defects += [replace(each, message=f"side {side}: {each.message}") for each in error.defects]
    if defects:
        raise ConfigError(defects)
    return sides


def _told(side: str, offline: Offline, jobs: int) -> _Told:
    """Replay the archive with one side's knowledge."""
    from engine.spells import Spells

    spells = Spells()
    replayed = offline.replay(spells.take, lambda _: None, title=f"side {side}", jobs=jobs)
    return _Told(spells.all(), offline.settings, replayed)


def _print(comparison: Comparison, names: Mapping[str, str]) -> None:
    """For people: what differs, by kind, then the totals."""
    from engine.compare import Change

    typer.echo(
        f"{comparison.same} alerts alike, {len(comparison.differences)} differ; "
        f"{comparison.patient_years:.1f} patient-years on therapy"
    )
    if not comparison.differences and not comparison.alike:
        typer.echo("the same alerts, but not as often: see the pages of each rule")
    for change in Change:
        found = [each for each in comparison.differences if change in each.changes]
        if not found:
            continue
        typer.echo(f"\n{change.value} ({len(found)})")
        for each in found:
            direction = "earlier" if change is Change.EARLIER else "later"
            shift = f"  {each.shift} {direction}" if change in (Change.EARLIER, Change.LATER) else ""
            for label, spell in (("A", each.a), ("B", each.b)):
                if spell is not None:
                    typer.echo(f"  {label} {_line(spell, names)}{shift if label == 'B' else ''}")
    typer.echo("")
    a, b = comparison.a, comparison.b
    print_table(
        ("rule", "alerts A", "alerts B", "pages A", "pages B", "pages/100 py A", "pages/100 py B"),
        [
            (
                rule,
                a.alerts[rule],
                b.alerts[rule],
                a.pages[rule],
                b.pages[rule],
                comparison.rate(a.pages[rule]),
                comparison.rate(b.pages[rule]),
            )
            for rule in comparison.rules
        ],
    )


def _line(spell: Spell, names: Mapping[str, str]) -> str:
    ended = "still open" if spell.ended is None else f"to {spell.ended:%Y-%m-%d}"
    return (
        f"{spell.began:%Y-%m-%d %H:%M} {ended}  {names[spell.patient]}  "
        f"{spell.severity.value}  {spell.rule}: {spell.message}"
    )


def _as_json(comparison: Comparison, a: _Told, b: _Told, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "sides": {"a": a.made_of, "b": b.made_of},
        "same": comparison.same,
        "patient_days": comparison.patient_days,
        "differences": [
            {
                "changes": [change.value for change in each.changes],
                "days_earlier": each.days_earlier,
                "a": _spell_as_json(each.a, names),
                "b": _spell_as_json(each.b, names),
            }
            for each in comparison.differences
        ],
        "rules": {
            rule: {
                side: {"alerts": told.alerts[rule], "pages": told.pages[rule]}
                for side, told in (("a", comparison.a), ("b", comparison.b))
            }
            for rule in sorted(comparison.rules)
        },
        "per_100_patient_years": {
            rule: {
                side: {
                    "alerts": _rate(comparison, told.alerts[rule]),
                    "pages": _rate(comparison, told.pages[rule]),
                }
                for side, told in (("a", comparison.a), ("b", comparison.b))
            }
            for rule in sorted(comparison.rules)
        },
    }


def _rate(comparison: Comparison, count: int) -> float | None:
    rate = comparison.rate(count)
    return float(rate) if rate else None


def _as_html(
    paths: Sequence[str],
    comparison: Comparison,
    a: _Told,
    b: _Told,
    names: Mapping[str, str],
    *,
    identify: bool,
) -> str:
    from engine.report import Sides, Titles, render_comparison

    archive = ", ".join(Path(path).name or path for path in paths)

    def titles(told: _Told) -> Titles:
        made_of = told.made_of
        return Titles(
            title=f"rules {made_of['rules']}, mappings {made_of['mappings']}",
            archive=archive,
            revision=made_of["revision"],
            protocol=made_of["protocol"],
        )

    return render_comparison(
        Sides(archive, titles(a), titles(b)),
        comparison,
        (a.replayed.store, b.replayed.store),
        (a.replayed.knowledge, b.replayed.knowledge),
        names,
        identify=identify,
    )


def _spell_as_json(spell: Spell | None, names: Mapping[str, str]) -> dict[str, Any] | None:
    if spell is None:
        return None
    return {
        "alert_id": spell.alert_id,
        "patient": names[spell.patient],
        "family": spell.family,
        "began": spell.began.isoformat(),
        "ended": None if spell.ended is None else spell.ended.isoformat(),
        "severity": spell.severity.value,
        "rule": spell.rule,
        "message": spell.message,
        "pages": spell.pages,
    }
