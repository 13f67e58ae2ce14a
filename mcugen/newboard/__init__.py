"""A board of one's own: `board.toml` from options, a known board, an SVD file or a CMSIS pack."""

from mcugen.newboard.draft import Wishes as Wishes
from mcugen.newboard.draft import drivers as drivers
from mcugen.newboard.write import NewBoard as NewBoard
from mcugen.newboard.write import check_board as check_board
from mcugen.newboard.write import new_board as new_board
