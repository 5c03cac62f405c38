"""Installs tf_transfer: pip install -c constraints.txt -e .[test]."""

import pathlib

import setuptools

INIT = pathlib.Path(__file__).parent / "tf_transfer" / "__init__.py"
[VERSION] = [line.split('"')[1] for line in INIT.read_text().splitlines() if line.startswith("__version__ = ")]

setuptools.setup(
    name="tf_transfer",
    version=VERSION,
    description="How transferable are features in deep neural networks? The whole experiment, on anyone's images.",
    license="Apache-2.0",
    license_files=["LICENSE"],
    packages=[*setuptools.find_packages(include=["tf_transfer", "tf_transfer.*"]), "tf_transfer.configs"],
    package_dir={"tf_transfer.configs": "configs"},  # so that an installed package has them, too
    package_data={"tf_transfer": ["analysis/published_results.csv", "report/templates/*"]},
    entry_points={"console_scripts": ["tf-transfer = tf_transfer.__main__:main"]},
    python_requires=">=3.11",
    install_requires=[
        "tensorflow>=2.21,<3",
        "keras>=3.15,<4",
        "tensorflow-datasets>=4.9.10",
        "importlib_resources",  # tensorflow-datasets needs it without saying so
        "absl-py>=2.4",
        "ml_collections>=1.1",
        "tensorboard>=2.20",
        "numpy>=2.1",
        "pandas>=2.3",
        "msgspec>=0.20",
        "scipy>=1.16",
        "matplotlib>=3.10",
        "jinja2>=3.1",
        "markupsafe>=3",
        "pillow>=12",
        "rich>=14",
    ],
    extras_require={
        "gpu": ["tensorflow[and-cuda]>=2.21,<3"],
        "test": [
            "pytest>=9",
            "hypothesis>=6.150",
            "ruff>=0.15",
            "import-linter>=2",
            "mypy>=2",
            "pandas-stubs>=3",
            "scipy-stubs>=1.17",
            "selenium>=4.40",
            "jax>=0.10",
            "nbclient>=0.11",
            "nbformat>=5.11",
            "ipykernel>=7.4",
        ],
    },
)
