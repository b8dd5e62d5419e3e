"""The files that Hydra composes configs of, parsed by libyaml where it is there, and once in a process.

Hydra parses each of some twenty files anew for every config, and OmegaConf does it by a parser in Python: together that
took longer than all else about a config.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from hydra._internal.core_plugins import file_config_source
from hydra._internal.sources_registry import SourcesRegistry
from hydra.plugins.config_source import ConfigResult
from omegaconf import OmegaConf
from omegaconf._utils import get_yaml_loader

_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_HEADER_CHARACTERS = 512
"""Within so many Hydra looks for a file's package."""


class FileConfigSource(file_config_source.FileConfigSource):
    """Hydra's own, but for the parsing; what cannot be parsed is left to Hydra, which says what is wrong and where."""

    def load_config(self, config_path: str) -> ConfigResult:
        """Return the config in a file. Raises what Hydra does for a file that is not there, or no config."""
        try:
            text = Path(self.path, self._normalize_file_name(config_path)).read_text(encoding="utf-8")
            content = _parse(text)
        except (OSError, UnicodeError, yaml.YAMLError):
            return super().load_config(config_path)
        if not isinstance(content, dict | None):
            return super().load_config(config_path)
        return ConfigResult(
            config=OmegaConf.create(content or {}),
            path=f"{self.scheme()}://{self.path}",
            provider=self.provider,
            header=self._get_header_dict(text[:_HEADER_CHARACTERS]),
        )


def use_quick_files() -> None:
    """Let Hydra, once its plugins are there, read files in this way."""
    SourcesRegistry.instance().types[FileConfigSource.scheme()] = FileConfigSource


class _Loader(_SafeLoader):  # type: ignore[misc]
    """Reads numbers, dates and keys as OmegaConf's own loader does."""

    yaml_implicit_resolvers = get_yaml_loader().yaml_implicit_resolvers
    yaml_constructors = get_yaml_loader().yaml_constructors

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return the mapping. Raises ConstructorError where a key is there twice."""
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if len(keys) != len(set(keys)):
            raise yaml.constructor.ConstructorError(None, None, "a key is there twice", node.start_mark)
        return dict(super().construct_mapping(node, deep=deep))


@lru_cache(maxsize=512)
def _parse(text: str) -> Any:
    """Return what the text of a file says; not to be changed, since the next who asks gets the same."""
    return yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader
