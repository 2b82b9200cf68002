"""The SDK's annotations as nodes of a native plan: how the value of each type is built.

A plan says only what pydantic is sure to do. Whatever else an annotation holds becomes an `sdk` node: the SDK validates
or constructs that value itself.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable, Container, Iterable, Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from respstream.integrations._sdk import Sdk

__all__ = ["Shapes", "has_union_of_models", "is_plain_model", "literals", "members", "strip"]

Node = tuple[Any, ...]

# What a model's configuration may hold without a say in how its objects are built.
_HARMLESS = {"extra", "defer_build", "title", "protected_namespaces", "arbitrary_types_allowed"}
# The classes of the SDKs' notes on how values are named on the wire.
_NOTES = ("PropertyInfo", "UnionDiscriminator")
_DECORATORS = ("validators", "field_validators", "root_validators", "model_validators", "computed_fields")
_FIELDS_LIMIT = 64


class Shapes:
    """Turns annotations into nodes, each once: `go_on` makes those that others need, and `take` hands over the new ones."""

    def __init__(self, sdk: Sdk) -> None:
        self._sdk = sdk
        self._nodes: list[Node] = []
        self._taken = 0
        self._known: dict[Any, int] = {}
        self._waiting: list[tuple[int, Any, Iterable[Any]]] = []

    def go_on(self) -> bool:
        """Makes one of the nodes that others need; False once all are made."""
        if not self._waiting:
            return False
        place, annotation, metadata = self._waiting.pop()
        self._nodes[place] = self._make(annotation, metadata)
        return True

    def take(self) -> list[Node]:
        """The nodes added since the last call, in order; they are numbered through."""
        new, self._taken = self._nodes[self._taken :], len(self._nodes)
        return new

    def by_sdk(self) -> set[Any]:
        """The annotations whose values the SDK builds."""
        return set(self._by_sdk(range(len(self._nodes))))

    def _by_sdk(self, places: Container[int]) -> list[Any]:
        """Those of nodes."""
        known = self._known.items()
        return [key[0] for key, place in known if place in places and self._nodes[place][0] == "sdk"]

    def preparations(self, node: int) -> Iterator[Callable[[], Any]]:
        """What makes the SDK prepare all that it validates and constructs values inside of a node with; some of it may raise. What
        is prepared already takes no time.
        """
        places = self._inside(node)
        nodes = [self._nodes[place] for place in reversed(places)]
        # A union needs its models; all of them at once would take long.
        models = [arguments[0] for kind, *arguments in nodes if kind == "model"]
        for annotation in self._by_sdk(places):
            models += sorted(_models_in(annotation, self._sdk.model), key=lambda cls: cls.__name__)
        for cls in models:
            yield functools.partial(cls.model_rebuild, raise_errors=False, _types_namespace={})
        for kind, *arguments in nodes:
            if kind in ("sdk", "union", "tagged"):
                yield functools.partial(arguments[-1], None)

    def _inside(self, node: int) -> list[int]:
        """A node, and those that it needs."""
        waiting, met = [node], {node}
        for each in waiting:
            new = set(_needed(self._nodes[each])) - met
            waiting += sorted(new)
            met |= new
        return waiting

    def model(self, cls: type[Any]) -> int | None:
        """The node of a model class; None if its objects are not built plainly."""
        return self.node(cls) if is_plain_model(cls, self._sdk.model) else None

    def node(self, annotation: Any, metadata: Iterable[Any] = ()) -> int:
        """The node of an annotation, with the metadata that its field has beside it."""
        key = (annotation, tuple(map(id, metadata)))
        try:
            known = self._known.get(key)
        except TypeError:  # an annotation that is not hashable
            return self._add(self._sdk_node(annotation, metadata))
        if known is not None:
            return known
        # It is made later: a model may contain itself, and large ones are made step by step.
        place = self._known[key] = self._add(("any",))
        self._waiting.append((place, annotation, metadata))
        return place

    def _add(self, node: Node) -> int:
        self._nodes.append(node)
        return len(self._nodes) - 1

    def _sdk_node(self, annotation: Any, metadata: Iterable[Any]) -> Node:
        validate = self._sdk.functions.validate_type
        return "sdk", lambda value: validate(type_=annotation, value=value), self._construct(annotation, metadata)

    def _construct(self, annotation: Any, metadata: Iterable[Any]) -> Callable[[Any], Any]:
        construct, listed = self._sdk.functions.construct_type, list(metadata) or None
        return lambda value: construct(value=value, type_=annotation, metadata=listed)

    def _make(self, annotation: Any, metadata: Iterable[Any]) -> Node:
        bare, inner = strip(annotation)
        if not _are_harmless([*metadata, *inner]):
            return self._sdk_node(annotation, metadata)
        origin, arguments = get_origin(bare), get_args(bare)
        scalars = {str: "str", int: "int", float: "float", bool: "bool", object: "any", Any: "any"}
        if origin is None and bare in scalars:
            return (scalars[bare],)
        if is_plain_model(bare, self._sdk.model):
            return self._model(bare)
        words = literals(bare)
        if words is not None:
            return "literal", words
        if origin is list and len(arguments) == 1:
            return "list", self.node(arguments[0])
        if origin is dict and len(arguments) == 2 and arguments[0] is str:
            return "dict", self.node(arguments[1])
        if origin in (Union, types.UnionType):
            return self._union(bare, annotation, metadata) or self._sdk_node(annotation, metadata)
        return self._sdk_node(annotation, metadata)

    def _model(self, cls: type[Any]) -> Node:
        fields = []
        for name, field in cls.model_fields.items():
            node = self.node(field.annotation, field.metadata)
            default = None if field.is_required() else field.default
            fields.append((name, field.alias or name, node, field.is_required(), default))
        return "model", cls, fields

    def _union(self, union: Any, annotation: Any, metadata: Iterable[Any]) -> Node | None:
        """The node of a union whose member the kind of the value, or a tag, tells; None if it takes more to tell."""
        parts = members(union)
        plain = {part for part in parts if part in (str, int, float, bool)}
        models: list[Any] = [part for part in parts if is_plain_model(part, self._sdk.model)]
        words = [part for part in parts if literals(part) is not None]
        lists = [part for part in parts if get_origin(part) is list]
        dicts = [part for part in parts if get_origin(part) is dict]
        known = len(plain) + len(models) + len(words) + len(lists) + len(dicts) + (type(None) in parts)
        if known != len(parts) or len(lists) > 1 or len(dicts) > 1 or (dicts and models):
            return None
        construct = self._construct(annotation, metadata)
        single = models[0] if models else dicts[0] if dicts else None
        whole = self._tagged(models, construct) if len(models) > 1 else self._optional(single)
        if len(models) > 1 and whole is None:
            return None
        number = self._optional(float if float in plain else None)
        return (
            "union",
            type(None) in parts,
            self._string(plain, words),
            self.node(int) if int in plain else number if bool not in plain else None,
            number,
            self._optional(bool if bool in plain else None),
            self._optional(lists[0] if lists else None),
            whole,
            bool(plain - {str}),
            construct,
        )

    def _optional(self, annotation: Any) -> int | None:
        return None if annotation is None else self.node(annotation)

    def _string(self, plain: set[Any], words: list[Any]) -> int | None:
        if str in plain:
            return self.node(str)
        return self.node(Literal[tuple(word for part in words for word in get_args(part))]) if words else None

    def _tagged(self, models: list[Any], construct: Callable[[Any], Any]) -> int | None:
        for key in _tags(models[0]):
            tags = [_tags(model).get(key) for model in models]
            words = [word for tag in tags if tag for word in tag[0]]
            if None in tags or len(set(words)) < len(words):
                continue
            variants = {word: self.node(m) for m, tag in zip(models, tags, strict=True) if tag for word in tag[0]}
            return self._add(("tagged", key, variants, all(tag[1] for tag in tags if tag), construct))
        return None


def _needed(node: Node) -> list[int]:
    """The nodes that a node needs."""
    kind = node[0]
    if kind == "model":
        return [field[2] for field in node[2]]
    if kind in ("list", "dict"):
        return [node[1]]
    if kind == "tagged":
        return list(node[2].values())
    return [at for at in node[2:8] if at is not None] if kind == "union" else []


@functools.cache
def _tags(model: Any) -> dict[str, tuple[tuple[str, ...], bool]]:
    """The members of a model that are one of some words: key -> words, required."""
    found: dict[str, tuple[tuple[str, ...], bool]] = {}
    for name, field in model.model_fields.items():
        parts = [part for part in members(field.annotation) if part is not type(None)]
        words = literals(parts[0]) if len(parts) == 1 else None
        if words is not None:
            found[field.alias or name] = tuple(words), field.is_required()
    return found


def strip(annotation: Any) -> tuple[Any, list[Any]]:
    """An annotation without its aliases and metadata; and that metadata."""
    metadata: list[Any] = []
    while True:
        if hasattr(annotation, "__value__"):
            annotation = annotation.__value__
        elif get_origin(annotation) is Annotated:
            annotation, *more = get_args(annotation)
            metadata += more
        else:
            return annotation, metadata


def members(annotation: Any) -> list[Any]:
    """The members of a union, of the unions in it too; of anything else, that alone."""
    bare, metadata = strip(annotation)
    if not _are_harmless(metadata):
        return [annotation]
    if get_origin(bare) not in (Union, types.UnionType):
        return [bare]
    found: list[Any] = []
    for part in get_args(bare):
        found += [each for each in members(part) if each not in found]
    return found


def literals(annotation: Any) -> list[str] | None:
    """The words of a Literal of nothing but strings."""
    words = list(get_args(annotation)) if get_origin(annotation) is Literal else []
    return words if words and all(isinstance(word, str) for word in words) else None


def has_union_of_models(cls: type[Any], base: type[Any]) -> bool:
    """Whether a value inside of the model's objects may be of one of several models."""
    waiting, met = [cls], {cls}
    while waiting:
        for field in waiting.pop().model_fields.values():
            found = _models_in(field.annotation, base)
            if len(found) > 1:
                return True
            waiting += found - met
            met |= found
    return False


def _models_in(annotation: Any, base: type[Any]) -> set[type[Any]]:
    """The models that an annotation names, those of elements included."""
    found = set()
    for part in members(annotation):
        if isinstance(part, type) and issubclass(part, base):
            found.add(part)
        elif get_origin(part) is not Literal:
            for argument in get_args(part):
                found |= _models_in(argument, base)
    return found


def _are_harmless(metadata: Iterable[Any]) -> bool:
    """The SDK's own notes on wire formats have no say in what pydantic builds; constraints would."""
    return all(type(note).__name__ in _NOTES for note in metadata)


def is_plain_model(cls: Any, base: Any) -> bool:
    """The class builds its objects as the SDK's models do: no validators, private members, constraints or factories."""
    return isinstance(cls, type) and issubclass(cls, base) and _is_plain_model(cls, base)


@functools.cache
def _is_plain_model(model: Any, base: Any) -> bool:
    if not getattr(model, "__pydantic_fields_complete__", True):
        model.model_rebuild()
    return (
        _is_built_plainly(model)
        and model.model_config.get("extra") == "allow"
        and not model.model_config.keys() - _HARMLESS
        and not _types_its_extras(model, base)
        and len(model.model_fields) <= _FIELDS_LIMIT
        and all(_is_plain_field(field) for field in model.model_fields.values())
    )


def _is_built_plainly(model: Any) -> bool:
    """Nothing of the class's own runs when an object is made."""
    own = ("__private_attributes__", "__pydantic_post_init__", "__pydantic_custom_init__", "__pydantic_root_model__")
    return (
        not any(getattr(model.__pydantic_decorators__, name, None) for name in _DECORATORS)
        and not any(getattr(model, name, None) for name in own)
        and not getattr(model, "__pydantic_generic_metadata__", {}).get("parameters")
        and model.__new__ is object.__new__
    )


def _types_its_extras(cls: type[Any], base: type[Any]) -> bool:
    own = cls.__mro__[: cls.__mro__.index(base)]
    return any("__pydantic_extra__" in inspect.get_annotations(parent) for parent in own)


def _is_plain_field(field: Any) -> bool:
    default = field.is_required() or field.default is None or isinstance(field.default, (str, int, float, bool))
    aliases = {field.alias, field.validation_alias}
    return default and field.default_factory is None and len(aliases) == 1 and not isinstance(field.discriminator, str)
