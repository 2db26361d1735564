"""How long tests wait. A slow machine may decide no test, so both are far from what a healthy one takes."""

#: What must come has come by then.
PATIENCE_S = 60.0
#: What takes longer hangs: far above each wait that the product promises (2 s), far below one without an end.
HUNG_S = 20.0
#: Who was to wait a second has waited, though waits end earlier by as much as the loop was late.
WAITED_S = 0.1
