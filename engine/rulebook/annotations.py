"""Rules that raise no alert of their own: labels, modifiers and selectors, from YAML to checked values."""

from __future__ import annotations

from datetime import timedelta

from engine.rulebook.conditions.states import Unusable
from engine.rulebook.frame import RuleReader
from engine.rulebook.rule import FAMILIES, PANELS, Annotation, Kind
from engine.rulebook.syntax import near
from engine.rulebook.tree import can_be_unknown
from engine.strictyaml import Table

KEYS = (
    "id",
    "title",
    "kind",
    "status",
    "version",
    "rationale",
    "sources",
    "applies_to",
    "when",
    "pair_within",
    "allow_preliminary",
    "label",
    "label_unknown",
)
MODIFIER_KEYS = (*KEYS, "raise_by", "groups", "repeat_within", "panels")
GROUPS = tuple("abcdefghip")
ONE_STEP = "1"


class AnnotationReader(RuleReader):
    """Reads a label, modifier or selector."""

    def rule(self, table: Table, kind: Kind) -> Annotation:
        """The rule; harmless where the file is wrong."""
        what = f"a {kind.value}"
        self.only_keys(table, MODIFIER_KEYS if kind is Kind.MODIFIER else KEYS, what)
        heading = self.heading(table, kind)
        when = self.when(table)
        conditions = tuple(leaf.condition for leaf in self.conditions.values())
        for condition in conditions:
            if isinstance(condition, Unusable):
                line = self.lines[condition.text]
                self.defect(line, f"{what} asks about unusable observations", "only an alert rule can")
        unknown = None
        if "label_unknown" in table.entries:
            unknown = self.template(table, "label_unknown", when)
            if self.complete and not can_be_unknown(when):
                line = table.line_of("label_unknown")
                self.defect(line, "label_unknown is stated but no condition can be UNKNOWN", "remove it")
        raises, repeat_within = self._raises(table), self._repeat_within(table)
        if kind is Kind.MODIFIER and not raises and repeat_within is None:
            self.defect(table.line, "a modifier changes nothing", "add raise_by: 1 or repeat_within")
        return Annotation(
            **heading._asdict(),
            when=when,
            conditions=conditions,
            pair_within=self.duration(table, "pair_within"),
            allow_preliminary=self.boolean(table, "allow_preliminary", "a rule", default=False),
            applies_to=self._names(table, "applies_to", "family", FAMILIES, required=True),
            label=self.template(table, "label", when),
            label_unknown=unknown,
            raises=raises,
            groups=self._names(table, "groups", "group", GROUPS, required=False),
            repeat_within=repeat_within,
            panels=self._names(table, "panels", "panel", PANELS, required=repeat_within is not None),
        )

    def _raises(self, table: Table) -> bool:
        steps = self.text(table, "raise_by", "a modifier")
        if steps and steps != ONE_STEP:
            hint = "write raise_by: 1; severity goes up one step at most"
            self.defect(table.line_of("raise_by"), f"raise_by is {steps}", hint)
        return bool(steps)

    def _repeat_within(self, table: Table) -> timedelta | None:
        if "repeat_within" in table.entries:
            return self.duration(table, "repeat_within")
        if "panels" in table.entries:
            hint = "add repeat_within: 7 d, or remove it"
            self.defect(table.line_of("panels"), "panels without repeat_within", hint)
        return None

    def _names(
        self, table: Table, key: str, what: str, known: tuple[str, ...], *, required: bool
    ) -> frozenset[str]:
        listed = self.texts(table, key, "a rule", required=required)
        for item in listed:
            if item.text not in known:
                self.defect(item.line, f'unknown {what} "{item.text}"', near(item.text, known))
        return frozenset(item.text for item in listed)
