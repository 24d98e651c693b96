package deistest

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// defaultPageSize is how many items a page has unless the query sets it. There is no maximum.
const defaultPageSize = 100

type pageJSON[T any] struct {
	Count    int     `json:"count"`
	Next     *string `json:"next"`
	Previous *string `json:"previous"`
	Results  []T     `json:"results"`
}

// page returns the part of a list that the query selects: by page and page_size in API 1.6, with 404 beyond the end; by
// limit and offset in API 2.x, with an empty page there. Each version ignores the parameters of the other.
func page[E, T any](q *request, list []E, render func(E) T) *response {
	query := q.http.URL.Query()
	if f := query.Get("format"); f != "" && f != "json" {
		return q.unknownFormat()
	}
	var start, size int
	out := pageJSON[T]{Count: len(list), Results: []T{}}
	if q.v2() {
		size, start = pageSize(query.Get("limit")), max(number(query.Get("offset")), 0)
		if start+size < len(list) {
			out.Next = q.link(query, map[string]int{"limit": size, "offset": start + size})
		}
		if start > 0 {
			out.Previous = q.link(query, map[string]int{"limit": size, "offset": start - size})
		}
	} else {
		size = pageSize(query.Get("page_size"))
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

// unknownFormat returns the response for a format other than JSON, as recorded.
func (q *request) unknownFormat() *response {
	if q.late23() {
		return jsonResponse(http.StatusNotFound, "")
	}
	return q.notFound("format")
}

// number parses a query value, and returns 0 if it is not a number.
func number(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

// pageSize parses the size of a page, and returns the default if it is not a positive number.
func pageSize(s string) int {
	if n := number(s); n > 0 {
		return n
	}
	return defaultPageSize
}

// link returns the URL of another page: that of the request with other numbers. An offset of 0 or less is left out.
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

// absolute returns the URL of a request as the client sees it, with the host of the Host header and the scheme that a
// proxy reports.
func (q *request) absolute() *url.URL {
	u := &url.URL{Scheme: "http", Host: q.http.Host, Path: q.http.URL.Path}
	if q.http.TLS != nil || q.http.Header.Get("X-Forwarded-Proto") == "https" {
		u.Scheme = "https"
	}
	return u
}

// newestFirst returns a list in the order in which builds and releases are listed.
func newestFirst[E any](list []E) []E {
	list = slices.Clone(list)
	slices.Reverse(list)
	return list
}
