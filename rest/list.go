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

// defaultPageSize is how many items a page has if nobody says (real Controllers of both versions). There is no maximum.
const defaultPageSize = 100

// ListOptions choose a page of a list. The zero value is the first page in the Controller's own size, which is 100.
//
// v1.6 Controllers respond with 404 beyond the last page, v2 Controllers with an empty page.
type ListOptions struct {
	PageSize int // items a page, from 1; 0 leaves it to the Controller
	Page     int // which page, from 1; 0 is the first
}

// window is how a list's query names a page: page and page_size are v1.6, limit and offset what real v2 Controllers
// understand. The documents of both versions have page_size, so a size that was chosen is sent as that in either.
type window struct {
	PageSize int `url:"page_size,omitempty"`
	Page     int `url:"page,omitempty"`
	Limit    int `url:"limit,omitempty"`
	Offset   int `url:"offset,omitempty"`
}

// Check returns what is wrong with the options, or nil. Calls do so by themselves; it serves to check them before the
// version is asked for.
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

// query writes the page for the version that is spoken.
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
		panic(err) // cannot be: a window is a struct of numbers
	}
	return values.Encode()
}

// A Page is one page of a list.
type Page[T any] struct {
	Items []T
	Count int // how many items the whole list has

	cursor string // the query of the page after this one; "" on the last
	next   func(context.Context, ...CallOption) (*Page[T], error)
}

// HasNext reports whether there is a page after this one.
func (p *Page[T]) HasNext() bool { return p.cursor != "" }

// Next requests the page after this one, in the same size and with the options of this one. Options given to Next come
// after those, and hold for that page only. After the last page it returns nil and no error.
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

// All ranges over the items of a list, from the page that o chooses to the end. It requests nothing until it is ranged
// over, and begins anew each time it is. An error is yielded once, with a zero T, after all items that came before it,
// and ends the range; a Controller that names the same page twice is one.
//
// While the items of a page are ranged over, from the second on, the page after it is read: one page ahead and never
// more. A range that ends early abandons that page, without waiting for it, and requests no other. WithoutReadAhead
// requests each page when the range comes to it. Either way, what WithResponse fills in belongs to the page that the
// range has come to, and at most two pages are in memory.
//
// A list that changes meanwhile can miss an item or repeat one: all versions page by position.
func All[T any](ctx context.Context, c *Client, at Endpoint, o ListOptions, opts ...CallOption) iter.Seq2[T, error] {
	opts = slices.Clone(opts)
	return func(yield func(T, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel() // ends what reads ahead
		var chosen options
		chosen.apply(opts)
		seen := make(map[uint64]bool) // hashes of cursors, so that a list of a million items stays small
		page, err := List[T](ctx, c, at, o, opts...)
		for err == nil && page != nil {
			hash := maphash.String(cursorSeed, page.cursor)
			circle := seen[hash]
			seen[hash] = true
			next := page.Next
			for i, item := range page.Items {
				if i == 1 && !chosen.noReadAhead && page.HasNext() && !circle {
					next = page.ahead(ctx)
				}
				if !yield(item, nil) {
					return
				}
			}
			if circle {
				err = fmt.Errorf("deis: GET %s: the Controller names the same page twice: the list would have no end", at.path)
				break
			}
			page, err = next(ctx)
		}
		if err != nil {
			var none T
			yield(none, err)
		}
	}
}

// ahead begins to request the page after p, and returns what waits for it, in place of p.Next. Until then the caller's
// Responses are left alone: they belong to the page that the range has come to. A panic of a transport or a logger
// reaches the caller as if it had not been ahead.
func (p *Page[T]) ahead(ctx context.Context) func(context.Context, ...CallOption) (*Page[T], error) {
	var (
		next     *Page[T]
		err      = errors.New("deis: the transport ended the goroutine that read ahead")
		said     Response
		asks     []*Response
		panicked any
	)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { panicked = recover() }()
		next, err = p.next(ctx, func(o *options) { asks, o.responses = o.responses, []*Response{&said} })
	}()
	return func(context.Context, ...CallOption) (*Page[T], error) {
		<-done
		if panicked != nil {
			panic(panicked)
		}
		for _, r := range asks {
			*r = said
		}
		return next, err
	}
}

var cursorSeed = maphash.MakeSeed()

// Collect gathers what an All ranges over. On an error it returns the items before it, too.
func Collect[T any](seq iter.Seq2[T, error]) ([]T, error) {
	var items []T
	for item, err := range seq {
		if err != nil {
			return items, err
		}
		items = append(items, item)
	}
	return items, nil
}

// A listing is a list's page on the wire.
type listing[T any] struct {
	Count   int     `json:"count"`
	Next    *string `json:"next"`
	Results []T     `json:"results"`

	cursor string
}

// read reads a page, item by item, and refuses what is no list, as the responses of the routing accidents of real
// Controllers.
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
			err = unreadable("count", d.Decode(&l.Count))
		case "next":
			err = unreadable("next", d.Decode(&l.Next))
		default:
			var other json.RawMessage
			err = unreadable("JSON", d.Decode(&other))
		}
		if err != nil {
			return err
		}
	}
	if err := cmp.Or(expect(d, json.Delim('}')), atEnd(d)); err != nil {
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
		return errors.New("the page is empty, but has a next: the list would have no end")
	}
	return nil
}

func unreadable(what string, err error) error {
	if err != nil {
		return fmt.Errorf("the response cannot be read: its %s: %w", what, err)
	}
	return nil
}

// getPage requests a page. The options opts hold for the pages after it, too; which and last hold for this page only.
func getPage[T any](ctx context.Context, c *Client, at Endpoint, which CallOption, opts []CallOption, last ...CallOption) (*Page[T], error) {
	got := new(listing[T])
	err := c.do(ctx, http.MethodGet, at, nil, got, slices.Concat(opts, last, []CallOption{which}))
	if err != nil {
		return nil, err
	}
	cursor := got.cursor // and not got, which has the items
	return &Page[T]{
		Items:  got.Results,
		Count:  got.Count,
		cursor: cursor,
		next: func(ctx context.Context, last ...CallOption) (*Page[T], error) {
			return getPage[T](ctx, c, at, withEncodedQuery(cursor), opts, last...)
		},
	}, nil
}

// readCursor takes the query of a next link and nothing else: its scheme, host and port are wrong behind the router,
// and a foreign one must not be asked.
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
	case len(values) == 0: // which would be the first page again, or taken for the end
		return "", errors.New("has no query")
	}
	return values.Encode(), nil
}
