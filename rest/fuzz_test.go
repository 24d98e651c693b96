package rest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis/version"
)

// FuzzErrorBody reads errors in bodies of any form: the message stays one readable line.
func FuzzErrorBody(f *testing.F) {
	for _, body := range []string{
		`{"detail":"Not found."}`, `{"error": "Client and server versions do not match."}`, `{"id":["This field must be unique."]}`,
		`["This field may not be null."]`, `"text"`, `{"a":{"b":[1,null,{"c":true}]}}`, `<h1>Server Error (500)</h1>`,
		"<html>\r\n<head><title>502 Bad Gateway</title></head>", "Error accessing logs for a", "", "null", "\xff\xfe", "[[[[", `{"detail":`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		e := &Error{Method: "GET", Path: "/v2/apps", StatusCode: http.StatusBadRequest, Body: body}
		e.Detail, e.Fields = readErrorText(body)
		message := e.Error()
		require.True(t, utf8.ValidString(message))
		require.False(t, strings.ContainsFunc(message, unicode.IsControl), "%q", message)
		require.ErrorIs(t, e, ErrBadRequest)
		e.LogValue()
	})
}

// FuzzPage decodes pages of any form: the cursor of a page is always a safe query.
func FuzzPage(f *testing.F) {
	for _, body := range []string{
		`{"count":1,"next":null,"previous":null,"results":[{"created":"2014-01-01T00:00:00UTC"}]}`,
		`{"count":105,"next":"http://127.0.0.1/v2/apps/?limit=100&offset=100","results":[]}`,
		`{"results":[],"count":0}`, `{"count":-1,"next":"%zz","results":[null]}`, `{}`, `[]`, `{"results":null}`, `{"next":5}`,
		`{"results":[{"structure":[1]},{"procfile":"web: x","structure":{"web":1}}]}`, `{"results":[{"structure":{"web":"1"}}]}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var page listing[struct {
			Created   Time
			Structure map[string]int
			Procfile  map[string]string
		}]
		if page.read(body, Path("apps")) != nil {
			return
		}
		if page.cursor != "" {
			requireSafeQuery(t, page.cursor)
		}
	})
}

// FuzzNextLink checks that a cursor is a query and nothing else, whatever the next link is.
func FuzzNextLink(f *testing.F) {
	for _, link := range []string{
		"http://127.0.0.1:18103/v1/apps/?page=2&page_size=2", "https://evil.example.com/?limit=1", "//evil.example.com/x?a=b",
		"?page=2#fragment", "page=2", "http://[::1", "?a=%zz", "?a=b HTTP/1.1\r\nHost: evil", "?a;b", "?%00", "javascript:alert(1)?x",
	} {
		f.Add(link)
	}
	f.Fuzz(func(t *testing.T, link string) {
		if cursor, err := readCursor(&link); err == nil && cursor != "" {
			requireSafeQuery(t, cursor)
		}
	})
}

// requireSafeQuery requires that a cursor stays in the query of a request to the client's own host.
func requireSafeQuery(t *testing.T, cursor string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, "https://deis.example.com/v2/apps?"+cursor, nil)
	require.NoError(t, err)
	require.Equal(t, "deis.example.com", req.URL.Host)
	require.Equal(t, "/v2/apps", req.URL.Path)
	require.Equal(t, cursor, req.URL.RawQuery)
	require.False(t, strings.ContainsFunc(req.URL.RequestURI(), func(r rune) bool { return r <= ' ' || r > '~' }))
}

// FuzzTime decodes times of any form: one that is accepted is in UTC, and can be written and read again.
func FuzzTime(f *testing.F) {
	for _, text := range []string{
		`"2014-01-01T00:00:00UTC"`, `"2026-11-21T20:52:19Z"`, `"2014-10-19T22:01:00.601Z"`, `"2027-11-21T20:59:35"`,
		`"2014-01-01T00:00:00+01:00"`, `null`, `""`, `"9999-12-31T23:59:59-23:59"`, `"0000-01-01T00:00:00Z"`, `5`, `"UTC"`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var read Time
		if json.Unmarshal(text, &read) != nil {
			return
		}
		require.Equal(t, time.UTC, read.Location())
		written, err := json.Marshal(read)
		if err != nil { // years of more than four digits, to which a zone can lead
			require.True(t, read.Year() < 0 || read.Year() > 9999)
			return
		}
		var again Time
		require.NoError(t, json.Unmarshal(written, &again))
		require.True(t, read.Equal(again.Time), "%s %s", read, again)
	})
}

// FuzzPath checks that the server sees exactly the elements of a path that is accepted.
func FuzzPath(f *testing.F) {
	for _, elems := range []string{
		"apps|example-go", "apps|hz_other", "apps|a/../b", "apps||logs", "apps|x|perms|jo.hn", "apps|x|domains|*.example.com",
		"certs|..", "keys|with space/and slash", "keys|a\nb", "apps|x|pods|web|name|restart", "apps|x|containers|restart", "apps|x|releases|v01",
		"auth|..%2f", "users|%00", "keys|\xff",
	} {
		f.Add(elems)
	}
	f.Fuzz(func(t *testing.T, joined string) {
		elems := strings.Split(joined, "|")
		at := Path(elems...)
		if at.Err() != nil {
			require.ErrorIs(t, at.Err(), ErrInvalidArgument)
			require.False(t, strings.ContainsFunc(at.Err().Error(), unicode.IsControl))
			return
		}
		parsed, err := url.Parse("https://deis.example.com/v2" + at.path)
		require.NoError(t, err)
		require.Equal(t, "deis.example.com", parsed.Host)
		require.Empty(t, parsed.RawQuery)
		require.Empty(t, parsed.Fragment)
		segments := strings.Split(strings.Trim(strings.TrimPrefix(parsed.EscapedPath(), "/v2"), "/"), "/")
		require.Len(t, segments, len(elems))
		for i, segment := range segments {
			element, err := url.PathUnescape(segment)
			require.NoError(t, err)
			require.Equal(t, elems[i], element)
			require.NotContains(t, []string{"", ".", ".."}, element)
		}
		// A DELETE that is allowed names an app, or a domain or user of an app, which both documents have.
		if at.checkDelete(version.V2_2) == nil && elems[0] == "apps" && len(elems) > 2 {
			require.Contains(t, []string{"domains", "perms"}, elems[2])
		}
	})
}

// FuzzStructure decodes loose fields of any form: whatever JSON another program has stored, the app can be read.
func FuzzStructure(f *testing.F) {
	for _, structure := range []string{
		`{"web":1}`, `{"web":"1"}`, `[1]`, `"web=1"`, `null`, `{}`, `{"web":1.5}`, `{"web":null}`, `{"web":{"a":1},"worker":2}`, `1e400`, `{"a":1,"a":"b"}`,
	} {
		f.Add([]byte(structure))
	}
	f.Fuzz(func(t *testing.T, structure []byte) {
		if !json.Valid(structure) {
			return
		}
		var app struct {
			ID        string            `json:"id"`
			Structure map[string]int    `json:"structure" deis:"loose"`
			Texts     map[string]string `json:"texts" deis:"loose"`
		}
		body := `{"structure":` + string(structure) + `,"texts":` + string(structure) + `,"id":"a"}`
		require.NoError(t, unmarshal([]byte(body), &app, Path("apps", "a")))
		require.Equal(t, "a", app.ID)
	})
}
