"""Training-set attacks: move training rows a little, so that test losses rise (section 5.2).

::

    x_j ← Π(x_j + α sign(I_pert,loss(z_j, z_test)))

(Koh & Liang 2017): every feature of the training rows that matter most is moved by the step α in
the direction in which, after refitting, the test loss rises; Π keeps the rows within ε of where
they were, in bounds and on the grid. Labels stay, and so do the test rows. What such an attack can
do, and how few rows it needs, is a measure of how far a prediction hangs on single rows.
"""

from ._poison import poison
from ._vulnerability import vulnerability

__all__ = ["poison", "vulnerability"]
