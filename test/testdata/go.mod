// Not a module to import. This file keeps the recordings out of what importers of the SDK download.
module github.com/deisgo/deis/test/testdata

go 1.25.0
