from adapters.evidently_reports import validator_of_stack
from tests.stacks.own_store import Store


def test_the_local_stack_brings_its_evidently_validator(store: Store) -> None:
    assert store.first.active
    assert validator_of_stack().name == "local_evidently"
