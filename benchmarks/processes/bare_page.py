"""The bare page: what FastAPI, SQLAlchemy and Jinja2 cost by themselves for a page of the same size.

It is served by uvicorn as the portal is: one process, the same settings, as many threads. Its endpoint is a plain
`def`. It takes a connection from a SQLAlchemy engine (psycopg; a pool with a connection for every thread, and no
test of the connection before its use), executes `SELECT 1`, gives the connection back, and renders a template.

The template has one table with as many rows and cells as the page that it stands beside, and puts into each cell
the very texts that stand in that page's cell, and those values of attributes that differ from row to row, such as
ids and addresses: one substitution each, escaped, of strings that lie in memory and come from no database. All
else that makes the real page as long as it is (tags, the other attributes, what stands around the table) is fixed
text of the template, so that both pages have the same number of bytes.
"""

import dataclasses
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html.parser import HTMLParser
from pathlib import Path

import anyio
import click
import uvicorn
from fastapi import FastAPI, Response
from fastapi.responses import HTMLResponse, PlainTextResponse
from jinja2 import Environment, Template
from sqlalchemy import Engine, create_engine, make_url, text

TEMPLATE = """<!DOCTYPE html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<title>{{ title }}</title>
</head>
<body>
<h1>{{ title }}</h1>
<!--BEFORE-->
<table>
{% for row in rows %}
<tr>
{% for cell in row %}
<td><!--IN A CELL-->{% for text in cell %}{{ text }} {% endfor %}</td>
{% endfor %}
</tr>
{% endfor %}
</table>
</body>
</html>
"""
TITLE = "督办 Duban"
FIXED = {"scope"}  # one value in the head of a table and another in its rows, and both stand in the template

Rows = list[list[list[str]]]  # the texts of each cell


@dataclasses.dataclass(frozen=True, slots=True)
class Shape:
    """What a page is made of: its size in bytes, that of its table, and the texts in the cells."""

    size: int
    table_size: int
    rows: Rows

    @classmethod
    def of(cls, html: str) -> "Shape":
        table = html[html.find("<table") : html.rfind("</table>")]
        parser = _Cells()
        parser.feed(table)
        return cls(len(html.encode()), len(table.encode()), parser.rows())

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(dataclasses.asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "Shape":
        return cls(**json.loads(path.read_text(encoding="utf-8")))


class _Cells(HTMLParser):
    """What stands in the cells of a table, each value with its place: the same in every row, where rows are alike."""

    def __init__(self) -> None:
        super().__init__()
        self._cells: list[list[list[tuple[str, str]]]] = []

    def rows(self) -> Rows:
        """Without the attributes that are the same wherever they stand."""
        seen = defaultdict(set)
        for place, value in (one for row in self._cells for cell in row for one in cell):
            seen[place].add(value)
        return [
            [[value for place, value in cell if not place or len(seen[place]) > 1] for cell in row]
            for row in self._cells
        ]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self._cells.append([])
            return
        if tag in {"td", "th"}:
            self._cells[-1].append([])
        if self._cells and self._cells[-1]:
            column, cell = len(self._cells[-1]), self._cells[-1][-1]
            places = ((f"{column}/{len(cell)}/{tag}/{name}", value or "") for name, value in attrs if name not in FIXED)
            cell.extend(places)

    def handle_data(self, data: str) -> None:
        if data.strip() and self._cells and self._cells[-1]:
            self._cells[-1][-1].append(("", data.strip()))


def template_for(shape: Shape) -> Template:
    """The template that renders to the shape's size: fixed text in its cells, and before its table."""
    cells = sum(map(len, shape.rows))
    lacking = shape.table_size - _size(_compiled("", ""), shape.rows)
    in_a_cell = _filler(lacking // cells)
    before = _filler(shape.size - _size(_compiled(in_a_cell, ""), shape.rows))
    return _compiled(in_a_cell, before)


def _compiled(in_a_cell: str, before: str) -> Template:
    environment = Environment(autoescape=True, trim_blocks=True, auto_reload=False)
    return environment.from_string(TEMPLATE.replace("<!--IN A CELL-->", in_a_cell).replace("<!--BEFORE-->", before))


def _filler(size: int) -> str:
    return f"<!--{'x' * (size - len('<!---->'))}-->" if size > len("<!---->") else ""


def _size(template: Template, rows: Rows) -> int:
    return len(template.render(title=TITLE, rows=rows).encode())


def make_app(engine: Engine, path: str, shape: Shape, threads: int) -> FastAPI:
    """A page of this shape at this path."""
    template = template_for(shape)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = threads
        yield

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)

    @app.get(path)
    def page() -> Response:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1")).scalar_one()
        return HTMLResponse(template.render(title=TITLE, rows=shape.rows))

    @app.get("/health")
    def health() -> Response:
        return PlainTextResponse("ok")

    return app


@click.command()
@click.argument("shape", type=click.Path(exists=True, path_type=Path))
@click.option("--database", required=True)
@click.option("--threads", type=int, required=True)
@click.option("--port", type=int, required=True)
def main(shape: Path, database: str, threads: int, port: int) -> None:
    engine = create_engine(make_url(database).set(drivername="postgresql+psycopg"), pool_size=threads)
    app = make_app(engine, f"/{shape.stem}", Shape.read(shape), threads)
    uvicorn.run(app, host="127.0.0.1", port=port, access_log=False, log_level="warning", server_header=False)


if __name__ == "__main__":
    main()
