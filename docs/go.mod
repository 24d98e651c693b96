// Not a module to import. This file keeps the documents out of what importers of the SDK download.
module github.com/deisgo/deis/docs

go 1.25.0
