"""How long tests wait. A slow machine may decide no test, so both are far from what a healthy one takes."""

#: What must come has come by then.
PATIENCE_S = 60.0
#: What takes longer hangs: far above each wait that the product promises (2 s), far below one without an end.
HUNG_S = 20.0
#: The API's bounds of waiting are so many times as long where no test is about them: 4 s for a look into
#: PostgreSQL instead of half a second, 15 s for a decision. A test about one asks an API of its own at 1.
API_PATIENCE = 8.0
#: Who was to wait a second has waited, though waits end earlier by as much as the loop was late.
WAITED_S = 0.1
