"""Takes the place of TensorFlow's benchmark of this name in the image of the same.

That one averaged gradients by horovod, which no TensorFlow of today can be built
with; here it is MPI's all-reduce, by the sample that trains the digits. Flags
that say what to train are read and do nothing.
"""

import argparse
import sys

import mpi_train

parser = argparse.ArgumentParser()
parser.add_argument("--model")
parser.add_argument("--variable_update")
parser.add_argument("--batch_size", type=int, default=64)
parser.add_argument("--exit", type=int, default=0, help="the exit code of every rank")
flags = parser.parse_args()
mpi_train.main("/opt/digits", flags.batch_size)
sys.exit(flags.exit)
