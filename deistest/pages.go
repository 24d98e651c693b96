package deistest

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// defaultPageSize is how many items a list has if the query names no number. There is no maximum.
const defaultPageSize = 100

type pageJSON[T any] struct {
	Count    int     `json:"count"`
	Next     *string `json:"next"`
	Previous *string `json:"previous"`
	Results  []T     `json:"results"`
}

// page returns the part of a list that the query asks for: page and page_size in API 1.6, which is 404 beyond the
// end; limit and offset in API 2.2, which is empty there. Each version ignores what the other one understands.
func page[E, T any](q *request, list []E, render func(E) T) *response {
	query := q.http.URL.Query()
	if f := query.Get("format"); f != "" && f != "json" {
		return q.unknownFormat()
	}
	var start, size int
	out := pageJSON[T]{Count: len(list), Results: []T{}}
	if q.v2() {
		size, start = positive(query.Get("limit")), max(number(query.Get("offset")), 0)
		if start+size < len(list) {
			out.Next = q.link(query, map[string]int{"limit": size, "offset": start + size})
		}
		if start > 0 {
			out.Previous = q.link(query, map[string]int{"limit": size, "offset": start - size})
		}
	} else {
		size = positive(query.Get("page_size"))
		last := max((len(list)+size-1)/size, 1)
		n, err := strconv.Atoi(query.Get("page"))
		switch query.Get("page") {
		case "last":
			n, err = last, nil
		case "":
			n, err = 1, nil
		}
		if err != nil || n < 1 || n > last {
			return q.notFound("page")
		}
		start = (n - 1) * size
		if n < last {
			out.Next = q.link(query, map[string]int{"page": n + 1})
		}
		if n > 1 {
			out.Previous = q.link(query, map[string]int{"page": n - 1})
		}
	}
	start = min(start, len(list))
	for _, e := range list[start:min(start+size, len(list))] {
		out.Results = append(out.Results, render(e))
	}
	return ok(out)
}

// unknownFormat is the response for a format that nobody speaks, as recorded.
func (q *request) unknownFormat() *response {
	if q.late23() {
		return jsonResponse(http.StatusNotFound, "")
	}
	return q.notFound("format")
}

// number reads a query value; what is no number is 0.
func number(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

// positive reads the size of a page; what is none is the default.
func positive(s string) int {
	if n := number(s); n > 0 {
		return n
	}
	return defaultPageSize
}

// link is the URL of another page: that of the request with other numbers. An offset of 0 or less is left out.
func (q *request) link(query url.Values, numbers map[string]int) *string {
	next := url.Values{}
	for k, v := range query {
		next[k] = slices.Clone(v)
	}
	for k, n := range numbers {
		next.Set(k, strconv.Itoa(n))
	}
	if numbers["offset"] <= 0 {
		if _, ok := numbers["offset"]; ok {
			next.Del("offset")
		}
	}
	u := q.absolute()
	u.RawQuery = next.Encode()
	s := u.String()
	return &s
}

// absolute is the URL of a request as the client sees it: its host is the Host header, its scheme what a proxy says.
func (q *request) absolute() *url.URL {
	u := &url.URL{Scheme: "http", Host: q.http.Host, Path: q.http.URL.Path}
	if q.http.TLS != nil || q.http.Header.Get("X-Forwarded-Proto") == "https" {
		u.Scheme = "https"
	}
	return u
}

// newestFirst is the order of builds and releases.
func newestFirst[E any](list []E) []E {
	list = slices.Clone(list)
	slices.Reverse(list)
	return list
}
