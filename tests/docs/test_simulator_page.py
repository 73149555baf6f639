"""docs/simulator.md: each number that chooses, each operation that can fail, each path of the control is on it."""

import re
from typing import Final

from ringback.simulator.control import SimulatorControl
from ringback.simulator.delivering import Deliveries
from ringback.simulator.magic_numbers import USUAL, Answering, Outcomes
from ringback.simulator.mocean.endpoints import ENDPOINTS
from ringback.simulator.mycoolsms.endpoint import MyCoolSmsEndpoint
from ringback.simulator.world import World
from tests.support.service import ROOT

PAGE: Final = (ROOT / "docs" / "simulator.md").read_text()


def test_each_number_that_chooses() -> None:
    outcomes = Outcomes()
    numbers = [f"999{rest:02}000000" for rest in range(100)]
    choosing = [number[:5] for number in numbers if outcomes.of_number("sms", number) != USUAL]
    assert re.findall(r"^\| `(999\d\d)", PAGE, re.MULTILINE) == ["99900", *choosing]


def test_each_operation_and_fault() -> None:
    operations = {one.operation for one in ENDPOINTS} | {"media"}
    named = PAGE.partition("Mocean's as follows: ")[2].partition(".\n")[0]
    assert set(re.findall(r"`([^`]+)`", named)) == operations
    faults = PAGE.partition("Faults are ")[2].partition(" and the number")[0]
    assert set(re.findall(r"`([^`]+)`", faults)) == set(Answering) - {Answering.NORMAL, Answering.CODE}


def test_each_path_of_the_control() -> None:
    world = World(Deliveries())
    paths = {route.path for route in SimulatorControl(world, MyCoolSmsEndpoint(world)).routes}
    assert set(re.findall(r"(/_sim/[a-z]+)", PAGE)) == paths
