"""Queries as Grafana sends them: its macros and variables replaced, for a range of time and a pause between scrapes."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

_LEFT_OVER: Final = re.compile(r"\$__\w+")


@dataclass(frozen=True, slots=True)
class Range:
    """What is looked at.

    Attributes:
        first: its beginning, with a time zone.
        last: its end.
        scrape_seconds: pause between two scrapes of Prometheus.
    """

    first: datetime
    last: datetime
    scrape_seconds: int = 15

    def sql(self, target: dict[str, Any]) -> str:
        """A query for Postgres."""
        first, last = (f"'{moment.isoformat()}'" for moment in (self.first, self.last))
        statement = re.sub(r"\$__timeFilter\(([^()]*)\)", rf"\1 BETWEEN {first} AND {last}", target["rawSql"])
        return _checked(statement.replace("$__timeFrom()", first).replace("$__timeTo()", last))

    def promql(self, expression: str) -> str:
        """A query for Prometheus; Grafana takes at least four scrapes for a rate."""
        seconds = int((self.last - self.first).total_seconds())
        expression = expression.replace("$__rate_interval", f"{4 * self.scrape_seconds}s")
        return _checked(expression.replace("$__range", f"{seconds}s"))


def _checked(query: str) -> str:
    left = _LEFT_OVER.findall(query)
    if left:
        raise ValueError(f"macros that are not known here, {left}, in: {query}")
    return query
