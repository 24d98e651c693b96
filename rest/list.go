package rest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"math"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/google/go-querystring/query"

	"github.com/deisgo/deis/version"
)

// defaultPageSize is the size of a page if the request has none (real Controllers of all versions). There is no
// maximum.
const defaultPageSize = 100

// ListOptions choose a page of a list. The zero value is the first page, of the Controller's default size, which is 100.
//
// v1.6 Controllers respond with 404 beyond the last page, v2 Controllers with an empty page.
type ListOptions struct {
	PageSize int // the number of items, from 1; 0 leaves it to the Controller
	Page     int // the number of the page, from 1; 0 is the first
}

// freeItems is how many items an All reads beyond twice the count of the list, which may grow meanwhile.
const freeItems = 10_000

// window is the query for a page of a list: v1.6 Controllers understand page and page_size, real v2 Controllers limit
// and offset. The documents of both versions have page_size, so a chosen size is always sent as page_size too.
type window struct {
	PageSize int `url:"page_size,omitempty"`
	Page     int `url:"page,omitempty"`
	Limit    int `url:"limit,omitempty"`
	Offset   int `url:"offset,omitempty"`
}

// Check returns what is wrong with the options, or nil. Calls check them too; use Check to do it before the version is
// requested.
func (o ListOptions) Check() error {
	switch {
	case o.PageSize < 0:
		return InvalidArgument("PageSize", "must not be negative")
	case o.Page < 0:
		return InvalidArgument("Page", "must not be negative")
	case o.Page > 1 && o.Page-1 > math.MaxInt32/max(o.PageSize, defaultPageSize):
		return InvalidArgument("Page", "is too large")
	}
	return nil
}

// query encodes the options for an API version.
func (o ListOptions) query(api version.API) string {
	w := window{PageSize: o.PageSize, Page: o.Page}
	if api.Major >= 2 {
		if o.Page > 1 { // an offset needs a known size
			w.PageSize = cmp.Or(o.PageSize, defaultPageSize)
			w.Offset = (o.Page - 1) * w.PageSize
		}
		w.Limit, w.Page = w.PageSize, 0
	}
	values, err := query.Values(w)
	if err != nil {
		panic(err) // cannot happen: a window is a struct of numbers
	}
	return values.Encode()
}

// A Page is one page of a list.
type Page[T any] struct {
	Items []T
	Count int // the number of items in the whole list

	cursor string // the query of the page after this one; "" on the last
	next   func(context.Context, ...CallOption) (*Page[T], error)
}

// HasNext reports whether there is a page after this one.
func (p *Page[T]) HasNext() bool { return p.cursor != "" }

// Next requests the page after this one, with the same size and options. Options given to Next are applied after those,
// to that page only. After the last page, Next returns nil and no error.
func (p *Page[T]) Next(ctx context.Context, opts ...CallOption) (*Page[T], error) {
	if !p.HasNext() {
		return nil, nil
	}
	return p.next(ctx, opts...)
}

// List requests one page of a list.
func List[T any](ctx context.Context, c *Client, at Endpoint, o ListOptions, opts ...CallOption) (*Page[T], error) {
	if err := cmp.Or(at.err, o.Check()); err != nil {
		return nil, err
	}
	api, err := c.Negotiate(ctx)
	if err != nil {
		return nil, err
	}
	return getPage[T](ctx, c, at, addQuery(o.query(api)), slices.Clone(opts)) // Next needs them later
}

// All returns an iterator over the items of a list, from the page that o chooses to the end. It requests nothing until
// it is ranged over, and starts from the beginning each time. An error is yielded once, with a zero T, after all items
// before it, and ends the range. It is an error if the Controller names the same page twice, or if far more items come
// than the list has by its own count.
//
// From the second item of a page on, the next page is read ahead: one page and never more. A range that ends early
// abandons that page without waiting for it, and requests no other. With WithoutReadAhead, each page is requested when
// the range reaches it. Either way, a Response of WithResponse is about the page that the range has reached, and at
// most two pages are in memory.
//
// If the list changes during the range, an item can be missed or repeated: all versions page by position.
func All[T any](ctx context.Context, c *Client, at Endpoint, o ListOptions, opts ...CallOption) iter.Seq2[T, error] {
	opts = slices.Clone(opts)
	return func(yield func(T, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel() // ends the request for the page ahead
		var chosen options
		chosen.apply(opts)
		seen := make(map[uint64]bool) // hashes of cursors, so that a list of a million items stays small
		items, count := 0, 0          // the number of items so far, and the largest that a page names
		page, err := List[T](ctx, c, at, o, opts...)
		for err == nil && page != nil {
			hash := maphash.String(cursorSeed, page.cursor)
			isRepeat := seen[hash]
			seen[hash] = true
			next := page.Next
			items, count = items+len(page.Items), max(count, page.Count)
			isEndless := page.HasNext() && (items-freeItems)/2 > count
			for i, item := range page.Items {
				if i == 1 && !chosen.noReadAhead && page.HasNext() && !isRepeat && !isEndless {
					next = page.readAhead(ctx)
				}
				if !yield(item, nil) {
					return
				}
			}
			switch {
			case isRepeat:
				err = fmt.Errorf("deis: GET %s: the Controller names the same page twice: the list would never end", at.path)
			case isEndless:
				err = fmt.Errorf("deis: GET %s: the list does not end: there are more than %d items, but its count is %d", at.path, items, count)
			default:
				page, err = next(ctx)
			}
		}
		if err != nil {
			var none T
			yield(none, err)
		}
	}
}

// readAhead starts to request the page after p, and returns a function that waits for it, to call instead of p.Next.
// Until that is called, the caller's Responses stay as they are: they are about the page that the range has reached. A
// panic of a transport or a logger reaches the caller of the function.
func (p *Page[T]) readAhead(ctx context.Context) func(context.Context, ...CallOption) (*Page[T], error) {
	var (
		next     *Page[T]
		err      = errors.New("deis: the transport ended the goroutine that read ahead")
		response Response
		wanted   []*Response
		panicked any
	)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { panicked = recover() }()
		next, err = p.next(ctx, func(o *options) { wanted, o.responses = o.responses, []*Response{&response} })
	}()
	return func(context.Context, ...CallOption) (*Page[T], error) {
		<-done
		if panicked != nil {
			panic(panicked)
		}
		for _, r := range wanted {
			*r = response
		}
		return next, err
	}
}

var cursorSeed = maphash.MakeSeed()

// Collect gathers the items of an All. On an error, it also returns the items before it.
func Collect[T any](seq iter.Seq2[T, error]) ([]T, error) {
	items := []T{}
	for item, err := range seq {
		if err != nil {
			return items, err
		}
		items = append(items, item)
	}
	return items, nil
}

// A listing is a page of a list on the wire.
type listing[T any] struct {
	Count   int     `json:"count"`
	Next    *string `json:"next"`
	Results []T     `json:"results"`

	cursor string
}

// read reads a page, item by item, and refuses anything that is not a list: real Controllers respond to a mistyped path
// with another resource.
func (l *listing[T]) read(body []byte, at Endpoint) error {
	d := json.NewDecoder(bytes.NewReader(body))
	if err := expect(d, json.Delim('{')); err != nil {
		return err
	}
	found := false
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return fmt.Errorf("the response is not JSON: %w", err)
		}
		switch key {
		case "results":
			found = true
			err = readItems(d, body, reflect.ValueOf(&l.Results).Elem(), at)
		case "count":
			err = unreadableError("count", d.Decode(&l.Count))
		case "next":
			err = unreadableError("next", d.Decode(&l.Next))
		default:
			var other json.RawMessage
			err = unreadableError("JSON", d.Decode(&other))
		}
		if err != nil {
			return err
		}
	}
	if err := cmp.Or(expect(d, json.Delim('}')), expectEnd(d)); err != nil {
		return err
	}
	var err error
	l.cursor, err = readCursor(l.Next)
	switch {
	case !found:
		return errors.New("the response is not a list: it has no results")
	case l.Count < 0:
		return errors.New("the count of the list is negative")
	case err != nil:
		return fmt.Errorf("the address of the next page %w", err)
	case len(l.Results) == 0 && l.cursor != "":
		return errors.New("the page is empty but names a next page: the list would never end")
	}
	return nil
}

// unreadableError returns an error about a part of the response, or nil if err is nil.
func unreadableError(what string, err error) error {
	if err != nil {
		return fmt.Errorf("the response cannot be read: its %s: %w", what, err)
	}
	return nil
}

// getPage requests a page. The options opts also apply to the pages after it; which and last only to this page.
func getPage[T any](ctx context.Context, c *Client, at Endpoint, which CallOption, opts []CallOption, last ...CallOption) (*Page[T], error) {
	got := new(listing[T])
	err := c.do(ctx, http.MethodGet, at, nil, got, slices.Concat(opts, last, []CallOption{which}))
	if err != nil {
		return nil, err
	}
	cursor := got.cursor // so that next does not keep got, which has the items
	return &Page[T]{
		Items:  got.Results,
		Count:  got.Count,
		cursor: cursor,
		next: func(ctx context.Context, last ...CallOption) (*Page[T], error) {
			return getPage[T](ctx, c, at, withEncodedQuery(cursor), opts, last...)
		},
	}, nil
}

// readCursor returns the query of a next link. The rest is ignored: behind the router its scheme, host and port are
// wrong, and nothing must be sent to a foreign host.
func readCursor(next *string) (string, error) {
	if next == nil || *next == "" {
		return "", nil
	}
	link, _, _ := strings.Cut(*next, "#")
	_, query, _ := strings.Cut(link, "?")
	values, err := url.ParseQuery(query)
	switch {
	case err != nil:
		return "", fmt.Errorf("cannot be read: %w", err)
	case len(values) == 0: // this would request the first page again, or look like the end
		return "", errors.New("has no query")
	}
	return values.Encode(), nil
}
