"""Number, sum, sum of squares and largest of each latency, added up over replicas: by service, and by class."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.serving import layout


def add_up(plane: layout.Plane, moments: NDArray[np.float64]) -> None:
    """Make the moments (class, metric, 4) anew from the sums by replica, in the order of their rows."""
    moments[:] = 0.0
    replicas = len(plane.replicas)
    services = plane.services["parent"][plane.replicas["service"]]
    _add(moments, services, plane.sums[:replicas])
    if len(plane.sums) > replicas:
        owners, classes = _of_classes(plane)
        _add(moments, owners, plane.sums[replicas:])
        _add(moments, classes, plane.sums[replicas:])


def _add(moments: NDArray[np.float64], rows: NDArray[np.int64], sums: NDArray[np.float64]) -> None:
    np.add.at(moments[:, :, :3], rows, sums[:, :, :3])
    np.maximum.at(moments[:, :, 3], rows, sums[:, :, 3])


def _of_classes(plane: layout.Plane) -> tuple[NDArray[Any], NDArray[Any]]:
    """The service and the class of each row of sums behind those of replicas: by replica, and for each by class."""
    several = plane.services[plane.services["classes"] > 1]
    owners = [np.full(each["replicas"] * each["classes"], each["parent"]) for each in several]
    classes = [np.tile(each["first_class"] + np.arange(each["classes"]), each["replicas"]) for each in several]
    return np.concatenate(owners), np.concatenate(classes)
