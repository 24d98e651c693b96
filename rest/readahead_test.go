package rest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis/rest"
)

// A slowList is a Controller with a list of pages of three things, numbered from 1. It takes a second for each page.
type slowList struct {
	pages   int
	fails   int  // the page to which the response is 500; 0: none
	circle  bool // the last page names the second as the next
	ignores bool // the transport ignores the end of the context, as some do

	requested []int // the pages; there is one request at a time
	underway  atomic.Int32
	open      atomic.Int32 // the number of open bodies
}

func (l *slowList) RoundTrip(req *http.Request) (*http.Response, error) {
	if l.underway.Add(1) > 1 {
		return nil, errors.New("two pages at once")
	}
	defer l.underway.Add(-1)
	number := 1
	if next := req.URL.Query().Get("offset"); next != "" {
		number, _ = strconv.Atoi(next)
	}
	l.requested = append(l.requested, number)
	ended := req.Context().Done()
	if l.ignores {
		ended = nil
	}
	select {
	case <-time.After(time.Second):
	case <-ended:
		return nil, req.Context().Err()
	}
	resp := response(200, "", fmt.Sprintf("X-Page: %d", number))
	next := fmt.Sprintf("?offset=%d", number+1)
	switch {
	case l.circle && number == l.pages:
		next = "?offset=2"
	case number == l.pages:
		next = "null"
	}
	text := page(next, fmt.Sprint(number, "a"), fmt.Sprint(number, "b"), fmt.Sprint(number, "c"))
	if number == l.fails {
		resp.StatusCode, text = 500, "failed"
	}
	l.open.Add(1)
	resp.Body = &slowBody{io.NopCloser(strings.NewReader(text)), l}
	return resp, nil
}

type slowBody struct {
	io.ReadCloser
	list *slowList
}

func (b *slowBody) Close() error {
	b.list.open.Add(-1)
	return b.ReadCloser.Close()
}

// all ranges over the list from its beginning.
func (l *slowList) all(t *testing.T, opts ...rest.CallOption) func(func(thing, error) bool) {
	return rest.All[thing](t.Context(), newClient(t, l), rest.Path("apps"), rest.ListOptions{}, opts...)
}

func TestTheNextPageIsReadAheadFromTheSecondItemOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := &slowList{pages: 3}
		var came []string
		for item, err := range list.all(t) {
			require.NoError(t, err)
			came = append(came, item.ID)
			time.Sleep(time.Minute) // no page but the next is read, however long an item takes
			synctest.Wait()
			number, place := item.ID[0], item.ID[1]
			want := int(number - '0')
			if place != 'a' {
				want = min(want+1, list.pages)
			}
			assert.Len(t, list.requested, want, "while at %s", item.ID)
		}
		assert.Equal(t, []string{"1a", "1b", "1c", "2a", "2b", "2c", "3a", "3b", "3c"}, came)
		assert.Equal(t, []int{1, 2, 3}, list.requested)
	})
}

func TestTheNextPageIsReadWhileTheConsumerWorks(t *testing.T) {
	took := func(t *testing.T, opts ...rest.CallOption) (took time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			list := &slowList{pages: 10}
			start := time.Now()
			for item, err := range list.all(t, opts...) {
				require.NoError(t, err)
				if item.ID[len(item.ID)-1] == 'b' { // working on a page takes as long as reading it
					time.Sleep(time.Second)
				}
			}
			took = time.Since(start)
		})
		return took
	}
	assert.Equal(t, 11*time.Second, took(t)) // by the bubble's clock
	assert.Equal(t, 20*time.Second, took(t, rest.WithoutReadAhead()))
}

func TestWithoutReadAheadAPageIsReadWhenTheRangeReachesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := &slowList{pages: 3}
		for item, err := range list.all(t, rest.WithoutReadAhead()) {
			require.NoError(t, err)
			time.Sleep(time.Minute)
			synctest.Wait()
			assert.Len(t, list.requested, int(item.ID[0]-'0'), "while at %s", item.ID)
		}
		assert.Equal(t, []int{1, 2, 3}, list.requested)
	})
}

func TestAfterBreakNoPageIsRequestedAndNothingIsLeftRunning(t *testing.T) {
	for _, worked := range []time.Duration{0, time.Second / 2, time.Minute} { // the page ahead was just requested, is underway, has arrived
		for last, want := range map[string][]int{"1a": {1}, "1b": {1, 2}, "1c": {1, 2}, "2a": {1, 2}, "2b": {1, 2, 3}, "3c": {1, 2, 3}} {
			synctest.Test(t, func(t *testing.T) { // fails if a goroutine is left
				list := &slowList{pages: 3}
				var broke time.Time
				for item, err := range list.all(t) {
					require.NoError(t, err)
					time.Sleep(worked)
					synctest.Wait() // until the page ahead has been requested
					if item.ID == last {
						broke = time.Now()
						break
					}
				}
				assert.Zero(t, time.Since(broke), "break does not wait")
				synctest.Wait()
				assert.Zero(t, list.underway.Load(), "the page ahead is abandoned")
				assert.Zero(t, list.open.Load(), "bodies are closed")
				assert.Zero(t, time.Since(broke))
				time.Sleep(time.Hour)
				assert.Equal(t, want, list.requested, "until %s", last)
			})
		}
	}
}

func TestBreakDoesNotWaitForATransportThatIgnoresTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := &slowList{pages: 3, ignores: true}
		var broke time.Time
		for item, err := range list.all(t) {
			require.NoError(t, err)
			if item.ID == "1b" {
				synctest.Wait()
				broke = time.Now()
				break
			}
		}
		assert.Zero(t, time.Since(broke))
		time.Sleep(2 * time.Second)
		synctest.Wait()
		assert.Equal(t, []int{1, 2}, list.requested)
		assert.Zero(t, list.open.Load(), "the late response is closed")
	})
}

func TestAnErrorOfThePageAheadComesAfterTheItemsBeforeIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := &slowList{pages: 3, fails: 2}
		var came []string
		for item, err := range list.all(t) {
			time.Sleep(time.Minute) // the error arrives while the range is still on the page before
			if err != nil {
				assert.ErrorIs(t, err, rest.ErrServer)
				assert.Zero(t, item)
				came = append(came, "error")
				continue
			}
			came = append(came, item.ID)
		}
		assert.Equal(t, []string{"1a", "1b", "1c", "error"}, came)
		assert.Equal(t, []int{1, 2}, list.requested)
	})
}

func TestATransportThatEndsTheGoroutineThatReadsAheadIsAnError(t *testing.T) {
	requests := 0
	client := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) {
		if requests++; requests > 1 {
			runtime.Goexit()
		}
		return response(200, `{"results":[{"id":"a"},{"id":"b"}],"next":"/v2/apps/?offset=2"}`), nil
	}))
	items, err := rest.Collect(rest.All[thing](t.Context(), client, rest.Path("apps"), rest.ListOptions{}))
	assert.Equal(t, []thing{{"a"}, {"b"}}, items)
	assert.EqualError(t, err, "deis: the transport ended the goroutine that read ahead")
}

func TestABreakBeforeThePageAheadHidesItsError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := &slowList{pages: 3, fails: 2}
		for item, err := range list.all(t) {
			require.NoError(t, err)
			time.Sleep(time.Minute)
			if item.ID == "1c" {
				break
			}
		}
	})
}

func TestARepeatedPageIsNotReadAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := &slowList{pages: 3, circle: true}
		items, err := rest.Collect(list.all(t))
		assert.ErrorContains(t, err, `names the same page twice`)
		assert.Len(t, items, 9)
		assert.Equal(t, []int{1, 2, 3}, list.requested)
	})
}

func TestACanceledContextEndsThePageAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := &slowList{pages: 3}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var came []string
		var last error
		for item, err := range rest.All[thing](ctx, newClient(t, list), rest.Path("apps"), rest.ListOptions{}) {
			if err != nil {
				last = err
				continue
			}
			came = append(came, item.ID)
			if item.ID == "1b" {
				synctest.Wait()
				cancel()
			}
		}
		assert.ErrorIs(t, last, context.Canceled)
		assert.Equal(t, []string{"1a", "1b", "1c"}, came)
		assert.Equal(t, []int{1, 2}, list.requested)
	})
}

func TestAResponseIsAboutThePageThatTheRangeHasReached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := &slowList{pages: 3, fails: 3}
		var first, second rest.Response // the race detector watches them
		for item, err := range list.all(t, rest.WithResponse(&first), rest.WithResponse(&second)) {
			want := "3"
			if err == nil {
				want = item.ID[:1]
			}
			for range 3 {
				assert.Equal(t, want, first.Header.Get("X-Page"))
				assert.Equal(t, want, second.Header.Get("X-Page"))
				time.Sleep(time.Minute)
			}
		}
		assert.Equal(t, 500, first.Status)
		assert.Equal(t, 1, first.Attempts)
	})
}

func TestARangeCanStartWhileAnotherReadsAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := newClient(t, roundTrip(func(req *http.Request) (*http.Response, error) {
			return (&slowList{pages: 3}).RoundTrip(req)
		}))
		all := rest.All[thing](t.Context(), client, rest.Path("apps"), rest.ListOptions{})
		outer := 0
		for _, err := range all {
			require.NoError(t, err)
			outer++
			items, err := rest.Collect(all)
			require.NoError(t, err)
			assert.Len(t, items, 9)
		}
		assert.Equal(t, 9, outer)
	})
}

// Counted items are counted in inMemory until they are collected.
type counted struct{ weight *[1 << 10]byte }

var inMemory atomic.Int64

func (c *counted) UnmarshalJSON([]byte) error {
	c.weight = new([1 << 10]byte)
	inMemory.Add(1)
	runtime.AddCleanup(c.weight, func(struct{}) { inMemory.Add(-1) }, struct{}{})
	return nil
}

func TestAtMostTwoPagesAreInMemory(t *testing.T) {
	const pageSize = 100
	number := 0
	client := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) {
		number++
		items, err := json.Marshal(make([]struct{}, pageSize))
		if err != nil {
			return nil, err
		}
		return response(200, fmt.Sprintf(`{"count":1,"next":"?offset=%d","results":%s}`, number, items)), nil
	}))
	for _, opts := range [][]rest.CallOption{nil, {rest.WithoutReadAhead()}} {
		i := 0
		for _, err := range rest.All[counted](t.Context(), client, rest.Path("apps"), rest.ListOptions{}, opts...) {
			require.NoError(t, err)
			if i++; i > 20*pageSize {
				break
			}
			if i%pageSize != pageSize/2 {
				continue
			}
			// Cleanups run some time after a collection.
			require.Eventually(t, func() bool {
				runtime.GC()
				return inMemory.Load() <= 2*pageSize
			}, 10*time.Second, time.Millisecond, "%d items in memory", inMemory.Load())
		}
	}
}
