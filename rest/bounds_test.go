//go:build !race

package rest_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis/rest"
	"github.com/deisgo/deis/version"
)

// These tests are left out with the race detector, which needs memory too.

// zipped returns a few kilobytes that decompress to a text of the given size: a part, many times, between two ends.
func zipped(t *testing.T, size int, begin, part, end string) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	require.NoError(t, err)
	block := []byte(strings.Repeat(part, 64<<10/len(part)))
	_, err = io.WriteString(w, begin)
	for n := len(begin); err == nil && n+len(block)+len(end) < size; n += len(block) {
		_, err = w.Write(block)
	}
	require.NoError(t, err)
	_, err = io.WriteString(w, end)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

// peakHeap measures about how much the heap grows during a function.
func peakHeap(f func()) int64 {
	runtime.GC()
	defer debug.SetGCPercent(debug.SetGCPercent(10)) // so that garbage is collected early
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	before := int64(stats.HeapAlloc)
	var peak atomic.Int64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			var stats runtime.MemStats
			runtime.ReadMemStats(&stats)
			peak.Store(max(peak.Load(), int64(stats.HeapAlloc)-before))
			select {
			case <-stop:
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	}()
	f()
	close(stop)
	<-stopped
	return peak.Load()
}

type resource struct {
	ID        string            `json:"id" deis:"apps"`
	Owner     string            `json:"owner"`
	Structure map[string]int    `json:"structure"`
	Values    map[string]string `json:"values"`
	Created   rest.Time         `json:"created"`
}

// A nested resource has lists and values of any type.
type nested struct {
	ID      string                         `json:"id" deis:"apps"`
	Headers []struct{ Name, Value string } `json:"headers"`
	Names   []string                       `json:"names"`
	Any     map[string]any                 `json:"any"`
}

func TestAFalseContentLengthReservesNoMemory(t *testing.T) {
	client := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) {
		resp := response(200, `{"id":"a"}`)
		resp.ContentLength = 1 << 40
		return resp, nil
	}))
	peak := peakHeap(func() {
		_, err := rest.Get[thing](t.Context(), client, rest.Path("apps", "a"))
		assert.NoError(t, err)
	})
	assert.Less(t, peak, int64(8<<20))
}

func TestTheSizeOfAResponseBoundsTheMemoryThatItUses(t *testing.T) {
	list := func(c *rest.Client) error {
		_, err := rest.List[resource](t.Context(), c, rest.Path("apps"), rest.ListOptions{})
		return err
	}
	bare := func(c *rest.Client) error {
		_, err := rest.Post[[]resource](t.Context(), c, rest.Path("apps", "a", "pods", "restart"), nil)
		return err
	}
	one := func(c *rest.Client) error {
		_, err := rest.Get[resource](t.Context(), c, rest.Path("apps", "a"))
		return err
	}
	deep := func(c *rest.Client) error {
		_, err := rest.Get[nested](t.Context(), c, rest.Path("apps", "a"))
		return err
	}
	deepList := func(c *rest.Client) error {
		_, err := rest.List[nested](t.Context(), c, rest.Path("apps"), rest.ListOptions{})
		return err
	}
	raw := func(c *rest.Client) error {
		_, err := rest.Get[[]byte](t.Context(), c, rest.Path("apps", "a", "logs"))
		return err
	}
	const full, part = 31 << 20, 8 << 20
	item := `{"id":"aaaaaaaaaaaa","owner":"alice","structure":{"web":1},"values":{"A":"1"},"created":"2016-02-09T20:03:19Z"},`
	for _, c := range []struct {
		situation        string
		call             func(*rest.Client) error
		begin, part, end string
		size             int
		says             string
	}{
		{"a list of {}", list, `{"count":1,"results":[`, `{},`, `{}]}`, full, "item 1 of the response is not what was asked for: it has no id"},
		{"a bare list of {}", bare, `[`, `{},`, `{}]`, part, "item 1 of the response is not what was asked for: it has no id"},
		{"a bare list of null", bare, `[`, `null,`, `null]`, part, "item 1 of the response"},
		{"a list of tiny items", list, `{"results":[`, `{"id":"a"},`, `{"id":"a"}]}`, part, "too many items for its size"},
		{"a list of small maps", list, `{"results":[`, `{"id":"a","structure":{"a":1},"values":{"a":""}},`, `{"id":"a"}]}`, part, "too many items for its size"},
		{"a list of real items", list, `{"results":[`, item, strings.TrimSuffix(item, ",") + `]}`, full, "too many items for its size"},
		{"a page of 10,000 real items", list, `{"results":[`, item, strings.TrimSuffix(item, ",") + `]}`, 10_000 * len(item), ""},
		{"many values", one, `{"id":"a","values":{"`, `","a":"","b":"`, `"}}`, full, "too many values"},
		{"a list of {} in an object", deep, `{"id":"a","headers":[`, `{},`, `{}]}`, full, "too many values"},
		{"a list of {} in a small object", deep, `{"id":"a","headers":[`, `{},`, `{}]}`, 2 << 20, "too many values"},
		{"a list of null in an object", deep, `{"id":"a","names":[`, `null,`, `null]}`, full, "too many values"},
		{"numbers of any type", deep, `{"id":"a","any":{"":[`, `0,`, `0]}}`, full, "too many values"},
		{"numbers of any type in a small object", deep, `{"id":"a","any":{"":[`, `0,`, `0]}}`, 2 << 20, "too many values"},
		{"lists of any type", deep, `{"id":"a","any":{"":[`, `[0],`, `0]}}`, full, "too many values"},
		{"objects of any type", deep, `{"id":"a","any":{"":[`, `{"a":0},`, `0]}}`, part, "too many values"},
		{"objects in objects", deep, `{"id":"a","any":{"":[`, `{"":{"":{"":{}}}},`, `0]}}`, part, "too many values"},
		{"a list of {} in an item", deepList, `{"results":[{"id":"a","headers":[`, `{},`, `{}]}]}`, full, "item 1 of the response has too many values"},
		{"numbers in an item", deepList, `{"results":[{"id":"a","any":{"":[`, `0,`, `0]}}]}`, 3 << 20, "item 1 of the response has too many values"},
		{"many items with many values", deepList, `{"results":[`, `{"id":"a","any":{"":[` + strings.Repeat("0,", 30<<10) + `0]}},`, `{"id":"a"}]}`, full, "too many items for its size"},
		{"many items with many texts", deepList, `{"results":[`, `{"id":"a","names":[` + strings.Repeat(`"",`, 20<<10) + `""]},`, `{"id":"a"}]}`, part, "too many items for its size"},
		{"text that looks like values", deep, `{"id":"a","names":["`, `[{},0,\"a\"],`, `"]}`, part, ""},
		{"a log of many quotes", raw, ``, `a "quoted" line,` + "\n", ``, part, ""},
		{"a body without end", one, `{"id":"`, `a`, `"}`, 200 << 20, "the response is larger than 32 MiB"},
	} {
		body := zipped(t, c.size, c.begin, c.part, c.end)
		client := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) {
			unzipped, err := gzip.NewReader(bytes.NewReader(body))
			require.NoError(t, err)
			return &http.Response{StatusCode: 200, Header: http.Header{http.CanonicalHeaderKey(version.Header): {"2.2"}}, Body: unzipped, ContentLength: -1}, nil
		}))
		var err error
		peak := peakHeap(func() { err = c.call(client) })
		t.Logf("%-30s %4d MB of heap for %d KB, decompressed %d MB", c.situation, peak>>20, len(body)>>10, c.size>>20)
		if c.says == "" {
			assert.NoError(t, err, c.situation)
		} else {
			assert.ErrorContains(t, err, c.says, c.situation)
			assert.Less(t, len(fmt.Sprint(err)), 1000, c.situation)
		}
		assert.Less(t, peak, int64(256<<20), c.situation)
		assert.Less(t, peak, max(16<<20, 10*int64(min(c.size, 32<<20))), c.situation)
	}
}
