package rest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An odd is an item with the fields that real Controllers do not check.
type odd struct {
	ID        string
	Serial    int64
	Structure map[string]int
	Procfile  map[string]string
}

func TestOneOddItemDoesNotMakeAListUnreadable(t *testing.T) {
	var page listing[odd]
	require.NoError(t, decodeLoosely([]byte(`{"count": 8, "results": [
		{"id": "good", "serial": 9007199254740993, "structure": {"web": 3}, "procfile": {"web": "./cmd"}},
		{"id": "odd", "structure": [1], "procfile": ["web"]},
		{"id": "odder", "structure": "web=1", "procfile": "web: ./cmd"},
		{"id": "texts", "structure": {"web": "1"}, "procfile": {"web": "./cmd"}},
		{"id": "numbers", "structure": {"web": 1}, "procfile": {"web": 1}},
		{"id": "deep", "structure": {"web": {"a": 1}}, "procfile": {"web": ["./cmd"]}},
		{"id": "fractions", "structure": {"web": 1.5}},
		{"id": "null", "structure": {"web": null}, "procfile": null}
	]}`), &page))
	assert.Equal(t, []odd{
		{ID: "good", Serial: 9007199254740993, Structure: map[string]int{"web": 3}, Procfile: map[string]string{"web": "./cmd"}},
		{ID: "odd"},
		{ID: "odder"},
		{ID: "texts", Procfile: map[string]string{"web": "./cmd"}},
		{ID: "numbers", Structure: map[string]int{"web": 1}},
		{ID: "deep"},
		{ID: "fractions"},
		{ID: "null", Structure: map[string]int{"web": 0}},
	}, *page.Results)
}

func TestOtherFieldsMustFit(t *testing.T) {
	for name, body := range map[string]string{
		"an id that is a number":   `{"results": [{"id": 5}]}`,
		"beside an odd field, too": `{"results": [{"id": 5, "structure": [1]}]}`,
	} {
		var page listing[odd]
		assert.Error(t, decodeLoosely([]byte(body), &page), name)
	}
}
