"""Running converted files: the stock interpreters with our delegate. Needs numpy only."""
