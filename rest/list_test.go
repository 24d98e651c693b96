package rest_test

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis/rest"
	"github.com/deisgo/deis/version"
)

// pages is a transport that responds to each query with its page, and notes the queries. To an unknown query it
// responds with 404.
type pages struct {
	t       *testing.T
	bodies  map[string]string
	queries []string
}

func (p *pages) RoundTrip(req *http.Request) (*http.Response, error) {
	assert.Equal(p.t, "https://deis.example.com/v2/apps/", req.URL.Scheme+"://"+req.URL.Host+req.URL.Path)
	p.queries = append(p.queries, req.URL.RawQuery)
	body, known := p.bodies[req.URL.RawQuery]
	if !known {
		return response(404, `{"detail":"no such page"}`), nil
	}
	return response(200, body), nil
}

// page makes the body of a page of things.
func page(next string, ids ...string) string {
	results := "["
	for i, id := range ids {
		if i > 0 {
			results += ","
		}
		results += fmt.Sprintf(`{"id":%q}`, id)
	}
	if next != "null" {
		next = fmt.Sprintf("%q", next)
	}
	return fmt.Sprintf(`{"count":5,"next":%s,"previous":null,"results":%s]}`, next, results)
}

func ids(things []thing) (all []string) {
	for _, t := range things {
		all = append(all, t.ID)
	}
	return all
}

// fiveThings is a list of five things in pages of two.
func fiveThings(t *testing.T) *pages {
	return &pages{t: t, bodies: map[string]string{
		"limit=2&page_size=2":          page("http://deis.example.com:8000/v2/apps/?limit=2&offset=2&page_size=2", "a", "b"),
		"limit=2&offset=2&page_size=2": page("https://evil.example.com/elsewhere?page_size=2&limit=2&offset=4#top", "c", "d"),
		"limit=2&offset=4&page_size=2": page("null", "e"),
	}}
}

func TestAPageIsRequestedAsTheVersionUnderstandsIt(t *testing.T) {
	for _, c := range []struct {
		options rest.ListOptions
		v1, v2  string
	}{
		{rest.ListOptions{}, "", ""},
		{rest.ListOptions{Page: 1}, "page=1", ""},
		{rest.ListOptions{PageSize: 2}, "page_size=2", "limit=2&page_size=2"},
		{rest.ListOptions{PageSize: 2, Page: 1}, "page=1&page_size=2", "limit=2&page_size=2"},
		{rest.ListOptions{PageSize: 2, Page: 3}, "page=3&page_size=2", "limit=2&offset=4&page_size=2"},
		{rest.ListOptions{Page: 3}, "page=3", "limit=100&offset=200&page_size=100"},
		{rest.ListOptions{PageSize: math.MaxInt32}, "page_size=2147483647", "limit=2147483647&page_size=2147483647"},
	} {
		for api, query := range map[version.API]string{version.V1_6: c.v1, version.V2_2: c.v2} {
			client := newClient(t, roundTrip(func(req *http.Request) (*http.Response, error) {
				assert.Equal(t, fmt.Sprintf("/v%d/apps/", api.Major), req.URL.Path)
				assert.Equal(t, query, req.URL.RawQuery, "%s %+v", api, c.options)
				return response(200, page("null"), version.Header+": "+api.String()), nil
			}), func(c *rest.Config) { c.API = api })
			got, err := rest.List[thing](t.Context(), client, rest.Path("apps"), c.options)
			require.NoError(t, err, "%s %+v", api, c.options)
			assert.Empty(t, got.Items)
			assert.False(t, got.HasNext())
		}
	}
}

func TestAPageThatCannotExistIsNeverRequested(t *testing.T) {
	for _, o := range []rest.ListOptions{
		{PageSize: -1}, {Page: -1}, {Page: math.MaxInt}, {PageSize: math.MaxInt, Page: 2}, {PageSize: math.MinInt, Page: math.MinInt},
		{PageSize: 100, Page: math.MaxInt32},
	} {
		transport := &pages{t: t}
		_, err := rest.List[thing](t.Context(), newClient(t, transport), rest.Path("apps"), o)
		require.ErrorIs(t, err, rest.ErrInvalidArgument, "%+v", o)
		assert.Regexp(t, "Page(Size)? (must not be negative|is too large)", err.Error())
		_, err = rest.Collect(rest.All[thing](t.Context(), newClient(t, transport), rest.Path("apps"), o))
		require.ErrorIs(t, err, rest.ErrInvalidArgument, "%+v", o)
		assert.Empty(t, transport.queries)
	}
	_, err := rest.List[thing](t.Context(), newClient(t, &pages{t: t}), rest.Path("apps", "Upper"), rest.ListOptions{})
	assert.ErrorIs(t, err, rest.ErrInvalidArgument)
}

func TestNextIsTheFollowingPageOfTheSameList(t *testing.T) {
	transport := fiveThings(t)
	first, err := rest.List[thing](t.Context(), newClient(t, transport), rest.Path("apps"), rest.ListOptions{PageSize: 2})
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "b"}, ids(first.Items))
	assert.Equal(t, 5, first.Count)
	require.True(t, first.HasNext())

	second, err := first.Next(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"c", "d"}, ids(second.Items))
	require.True(t, second.HasNext())
	third, err := second.Next(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"e"}, ids(third.Items))
	assert.False(t, third.HasNext())
	none, err := third.Next(t.Context())
	assert.NoError(t, err)
	assert.Nil(t, none)
	assert.Equal(t, []string{"limit=2&page_size=2", "limit=2&offset=2&page_size=2", "limit=2&offset=4&page_size=2"}, transport.queries,
		"the host, scheme and path of a link are ignored")

	again, err := first.Next(t.Context())
	require.NoError(t, err)
	assert.Equal(t, second.Items, again.Items, "Next can be called twice")
}

func TestNextTakesOptionsForItsPageOnly(t *testing.T) {
	transport := fiveThings(t)
	var headers []string
	client := newClient(t, roundTrip(func(req *http.Request) (*http.Response, error) {
		headers = append(headers, req.Header.Get("X-List")+req.Header.Get("X-Next"))
		return transport.RoundTrip(req)
	}))
	list, next := rest.WithHeader("X-List", "list"), rest.WithHeader("X-Next", "next")
	page, err := rest.List[thing](t.Context(), client, rest.Path("apps"), rest.ListOptions{PageSize: 2}, list)
	require.NoError(t, err)
	var resp rest.Response
	page, err = page.Next(t.Context(), next, rest.WithHeader("X-List", "own"), rest.WithResponse(&resp),
		rest.WithQuery(struct{ Limit int }{1}))
	require.NoError(t, err)
	assert.Equal(t, []string{"c", "d"}, ids(page.Items), "no option changes which page it is")
	assert.Equal(t, 200, resp.Status)
	_, err = page.Next(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"list", "ownnext", "list"}, headers)
}

func TestTheZeroPageIsTheLast(t *testing.T) {
	var page rest.Page[thing]
	assert.False(t, page.HasNext())
	next, err := page.Next(t.Context())
	assert.NoError(t, err)
	assert.Nil(t, next)
}

func TestAllRangesOverEverything(t *testing.T) {
	transport := fiveThings(t)
	all := rest.All[thing](t.Context(), newClient(t, transport), rest.Path("apps"), rest.ListOptions{PageSize: 2})
	assert.Empty(t, transport.queries, "nothing is requested until it is ranged over")
	for range 2 { // each time from the beginning
		transport.queries = nil
		items, err := rest.Collect(all)
		require.NoError(t, err)
		assert.Equal(t, []string{"a", "b", "c", "d", "e"}, ids(items))
		assert.Len(t, transport.queries, 3)
	}

	transport.queries = nil
	from2 := rest.All[thing](t.Context(), newClient(t, transport), rest.Path("apps"), rest.ListOptions{PageSize: 2, Page: 2})
	items, err := rest.Collect(from2)
	require.NoError(t, err)
	assert.Equal(t, []string{"c", "d", "e"}, ids(items))
}

func TestAllWithoutReadAheadRequestsNothingThatItDoesNotNeed(t *testing.T) {
	for last, requests := range map[string]int{"a": 1, "b": 1, "c": 2, "d": 2, "e": 3} {
		transport := fiveThings(t)
		for item, err := range rest.All[thing](t.Context(), newClient(t, transport), rest.Path("apps"), rest.ListOptions{PageSize: 2},
			rest.WithoutReadAhead()) {
			require.NoError(t, err)
			if item.ID == last {
				break
			}
		}
		assert.Len(t, transport.queries, requests, "until %s", last)
	}
}

func TestAllYieldsNothingForAnEmptyList(t *testing.T) {
	transport := &pages{t: t, bodies: map[string]string{"": page("null")}}
	items, err := rest.Collect(rest.All[thing](t.Context(), newClient(t, transport), rest.Path("apps"), rest.ListOptions{}))
	require.NoError(t, err)
	assert.Empty(t, items)
	assert.Len(t, transport.queries, 1)
}

func TestAnEmptyPageThatNamesANextPageIsAnError(t *testing.T) {
	transport := &pages{t: t, bodies: map[string]string{"": page("?offset=1", "a"), "offset=1": page("?offset=2"), "offset=2": page("null", "b")}}
	items, err := rest.Collect(rest.All[thing](t.Context(), newClient(t, transport), rest.Path("apps"), rest.ListOptions{}))
	require.ErrorContains(t, err, "200 OK: the page is empty but names a next page: the list would never end")
	assert.Equal(t, []string{"a"}, ids(items))
	assert.Len(t, transport.queries, 2)
}

func TestAllYieldsAnErrorOnceAndEnds(t *testing.T) {
	for situation, bodies := range map[string]map[string]string{
		"at once":           {},
		"on the next page":  {"": page("?offset=2", "a", "b")},
		"a page of garbage": {"": page("?offset=2", "a", "b"), "offset=2": "<h1>hi</h1>"},
	} {
		transport := &pages{t: t, bodies: bodies}
		var failures, items int
		for item, err := range rest.All[thing](t.Context(), newClient(t, transport), rest.Path("apps"), rest.ListOptions{}) {
			if err == nil {
				items++
				continue
			}
			failures++ // this range does not break on an error
			assert.Zero(t, item, situation)
			var failed *rest.Error
			assert.ErrorAs(t, err, &failed, situation)
		}
		assert.Equal(t, 1, failures, situation)
		assert.Equal(t, min(2, 2*len(bodies)), items, situation)

		collected, err := rest.Collect(rest.All[thing](t.Context(), newClient(t, transport), rest.Path("apps"), rest.ListOptions{}))
		require.Error(t, err, situation)
		assert.Len(t, collected, items, "Collect keeps the items before the error")
	}
}

func TestACircularListEndsWithAnError(t *testing.T) {
	for situation, bodies := range map[string]map[string]string{
		"a page that is its own next": {"": page("?offset=2", "a"), "offset=2": page("?offset=2", "b")},
		"two that name each other":    {"": page("?offset=2", "a"), "offset=2": page("?offset=4", "b"), "offset=4": page("?offset=2", "c")},
		"the same in another order":   {"": page("?offset=2&x=1", "a"), "offset=2&x=1": page("?x=1&offset=2", "b")},
	} {
		transport := &pages{t: t, bodies: bodies}
		items, err := rest.Collect(rest.All[thing](t.Context(), newClient(t, transport), rest.Path("apps"), rest.ListOptions{}))
		require.Error(t, err, situation)
		assert.Contains(t, err.Error(), "twice: the list would never end", situation)
		assert.Len(t, transport.queries, len(bodies), situation)
		assert.Len(t, items, len(bodies), situation)
	}
}

func TestAllCopiesItsOptions(t *testing.T) {
	transport := fiveThings(t)
	opts := make([]rest.CallOption, 1, 10) // with spare capacity, into which an append would write
	opts[0] = rest.WithHeader("X-Own", "x")
	client := newClient(t, roundTrip(func(req *http.Request) (*http.Response, error) {
		assert.Equal(t, "x", req.Header.Get("X-Own"))
		return transport.RoundTrip(req)
	}))
	all := rest.All[thing](t.Context(), client, rest.Path("apps"), rest.ListOptions{PageSize: 2}, opts...)
	first, err := rest.List[thing](t.Context(), client, rest.Path("apps"), rest.ListOptions{PageSize: 2}, opts...)
	require.NoError(t, err)
	opts[0] = rest.WithHeader("X-Own", "changed")
	items, err := rest.Collect(all)
	require.NoError(t, err)
	assert.Len(t, items, 5)
	_, err = first.Next(t.Context())
	require.NoError(t, err)
	assert.Nil(t, opts[:2][1], "nothing is written after the caller's options")
}

func TestNextIsSafeForConcurrentUse(t *testing.T) {
	opts := make([]rest.CallOption, 5) // a copy of five has capacity for a sixth, which concurrent calls must not share
	for i := range opts {
		opts[i] = rest.WithHeader("X-Own", "x")
	}
	client := newClient(t, roundTrip(func(req *http.Request) (*http.Response, error) {
		return response(200, page("?offset=2", req.URL.RawQuery)), nil
	}))
	first, err := rest.List[thing](t.Context(), client, rest.Path("apps"), rest.ListOptions{}, opts...)
	require.NoError(t, err)
	results := make(chan error)
	for range 10 {
		go func() {
			_, err := first.Next(t.Context())
			results <- err
		}()
	}
	for range 10 {
		require.NoError(t, <-results)
	}
}

func TestAResponseThatIsNotAListIsAnError(t *testing.T) {
	for situation, c := range map[string]struct{ body, says string }{
		"another object":                {`{"id":"a"}`, "the response is not a list: it has no results"},
		"results of null":               {`{"count":0,"next":null,"results":null}`, "the response is not a list"},
		"an array":                      {`[]`, "the response is not a list"},
		"results that are not an array": {`{"results":{}}`, "the response is not a list"},
		"a next that is not a string":   {`{"results":[],"next":5}`, "the response cannot be read"},
		"a next that cannot be read":    {`{"results":[],"next":"/v2/apps/?a=%zz"}`, "the address of the next page cannot be read"},
		"a next with semicolons":        {`{"results":[],"next":"/v2/apps/?a=1;b=2"}`, "the address of the next page cannot be read"},
		"a next that leads nowhere":     {`{"results":[],"next":"/v2/apps/"}`, "the address of the next page has no query"},
		"a next of nothing but a ?":     {`{"results":[],"next":"/v2/apps/?"}`, "the address of the next page has no query"},
		"a next of nothing but a #":     {`{"results":[],"next":"/v2/apps/#?offset=2"}`, "the address of the next page has no query"},
		"an item of another type":       {`{"results":[{"id":"a"},"b"]}`, "item 2 of the response cannot be read"},
		"a count below zero":            {`{"count":-1,"results":[]}`, "the count of the list is negative"},
		"data after its end":            {`{"results":[]} {}`, "the response is not JSON"},
		"a key that is not a string":    {`{"results":[],5:1}`, "the response is not JSON"},
		"a key without its end":         {`{"results":[],"coun`, "the response is not JSON"},
		"a field that cannot be read":   {`{"results":[],"previous":x}`, "the response cannot be read: its JSON"},
		"a list without its end":        {`{"results":[{"id":"a"}`, "the response is not JSON"},
		"an error with status 200":      {`{"detail":"no"}`, "the response is not a list"},
	} {
		_, err := rest.List[thing](t.Context(), newClient(t, always(200, c.body)), rest.Path("apps"), rest.ListOptions{})
		var failed *rest.Error
		require.ErrorAs(t, err, &failed, situation)
		assert.Equal(t, 200, failed.StatusCode, situation)
		assert.Contains(t, err.Error(), "deis: GET /v2/apps/: 200 OK: "+c.says, situation)
	}
	for _, end := range []string{`null`, `""`} {
		got, err := rest.List[thing](t.Context(), newClient(t, always(200, `{"results":[],"next":`+end+`}`)), rest.Path("apps"), rest.ListOptions{})
		require.NoError(t, err)
		assert.False(t, got.HasNext())
	}
}

func TestCollectOfNothingIsAnEmptyListAndNotNil(t *testing.T) {
	for _, transport := range []roundTrip{always(200, `{"count":0,"results":[]}`), always(500, "")} {
		items, _ := rest.Collect(rest.All[thing](t.Context(), newClient(t, transport), rest.Path("apps"), rest.ListOptions{}))
		assert.Equal(t, []thing{}, items)
	}
}

func TestCollectStopsAtTheFirstError(t *testing.T) {
	yielded := 0
	items, err := rest.Collect(func(yield func(int, error) bool) {
		for i := range 5 {
			yielded++
			var err error
			if i == 2 {
				err = io.ErrUnexpectedEOF
			}
			if !yield(i, err) {
				return
			}
		}
	})
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.Equal(t, []int{0, 1}, items)
	assert.Equal(t, 3, yielded)

	none, err := rest.Collect(func(func(string, error) bool) {})
	assert.NoError(t, err)
	assert.Empty(t, none)
	_, err = rest.Collect(func(yield func(string, error) bool) { yield("", errors.ErrUnsupported) })
	assert.ErrorIs(t, err, errors.ErrUnsupported)
}

func TestAListUsesTheNegotiatedVersion(t *testing.T) {
	controller := newController("1.6")
	client := newClient(t, controller, unpinned)
	_, err := rest.List[thing](t.Context(), client, rest.Path("apps"), rest.ListOptions{PageSize: 1})
	assert.ErrorContains(t, err, "deis: GET /v1/apps/: 200 OK: the response is not a list")
	assert.EqualValues(t, 1, controller.probes.Load())
}

func TestAListKeepsTheQueryOfItsCaller(t *testing.T) {
	var queries []string
	client := newClient(t, roundTrip(func(req *http.Request) (*http.Response, error) {
		queries = append(queries, req.URL.RawQuery)
		if len(queries) == 1 {
			return response(200, `{"count":2,"next":"http://x/v2/things/?limit=1&offset=1&owner=bob","results":[{"id":"a"}]}`), nil
		}
		return response(200, `{"count":2,"next":null,"results":[{"id":"b"}]}`), nil
	}))
	type filter struct {
		Owner string `url:"owner"`
	}
	items, err := rest.Collect(rest.All[thing](t.Context(), client, rest.Path("things"), rest.ListOptions{PageSize: 1}, rest.WithQuery(filter{"bob"})))
	require.NoError(t, err)
	assert.Len(t, items, 2)
	assert.Equal(t, []string{"owner=bob&limit=1&page_size=1", "limit=1&offset=1&owner=bob"}, queries)
}

func TestAListThatGrowsFarBeyondItsCountIsAnError(t *testing.T) {
	for _, c := range []struct {
		situation string
		counts    []int // of each page, then the last one again
		size      int   // of a page
		read      int   // how many items are read
	}{
		{"the count is always 1", []int{1}, 100, 10_100},
		{"the count is always 0", []int{0}, 7, 10_003},
		{"the count shrinks while it is read", []int{5000, 1}, 1000, 21_000},
	} {
		pages := 0
		client := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) {
			pages++
			item := fmt.Sprintf(`{"id":"%d"}`, pages)
			return response(200, fmt.Sprintf(`{"count":%d,"next":"http://x/?cursor=%d","results":[%s]}`,
				c.counts[min(pages, len(c.counts))-1], pages, strings.Repeat(item+",", c.size-1)+item)), nil
		}))
		items, err := rest.Collect(rest.All[thing](t.Context(), client, rest.Path("apps"), rest.ListOptions{}))
		require.ErrorContains(t, err, "deis: GET /apps/: the list does not end: there are more than ", c.situation)
		assert.Len(t, items, c.read, c.situation)
		assert.Equal(t, c.read/c.size, pages, c.situation)
	}
}

func TestAListThatEndsMayHaveMoreItemsThanItsCount(t *testing.T) {
	for _, count := range []int{0, 1, math.MaxInt} {
		client := newClient(t, always(200, fmt.Sprintf(`{"count":%d,"results":[%s{"id":"a"}]}`, count, strings.Repeat(`{"id":"a"},`, 20_000))))
		items, err := rest.Collect(rest.All[thing](t.Context(), client, rest.Path("apps"), rest.ListOptions{}))
		require.NoError(t, err)
		assert.Len(t, items, 20_001)
	}
}
