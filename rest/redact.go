package rest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf16"
)

// A server can echo what it was sent. So everything that is kept of a response, in an error, a log or a dump, is
// redacted: each secret of the call, verbatim and as it is written in JSON, HTML and URLs. This is enough for an honest
// echo. A hostile server has the secret already.

const redacted = "[redacted]"

// minSecret is the length of the shortest secret that is redacted: with a password of "a", an error must stay readable.
const minSecret = 4

// A redactor replaces the secrets of one call. The zero value replaces nothing.
type redactor struct{ replacer *strings.Replacer }

// newRedactor makes a redactor for some secrets. Controllers trim some of them before they echo them.
func newRedactor(secrets []string) redactor {
	var all []string
	for _, secret := range secrets {
		for _, secret := range []string{secret, strings.TrimSpace(secret), Sanitize(secret)} {
			if len(secret) >= minSecret {
				all = append(all, forms(secret)...)
			}
		}
	}
	slices.SortFunc(all, func(a, b string) int { // the longest first: one can be part of another
		return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b))
	})
	var pairs []string
	for _, form := range slices.Compact(all) {
		pairs = append(pairs, form, redacted)
	}
	return redactor{strings.NewReplacer(pairs...)}
}

// forms returns the forms in which a response can contain a text. Go, Python and PHP differ in what they escape.
func forms(text string) []string {
	quoted, err := json.Marshal(text)
	if err != nil { // cannot happen: it is a string
		return []string{text}
	}
	escaped := string(quoted[1 : len(quoted)-1])
	plain := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(escaped)
	ascii := escapeASCII(plain)
	page := html.EscapeString(text)
	return []string{
		text, escaped, plain, ascii, strings.ReplaceAll(plain, "/", `\/`), strings.ReplaceAll(ascii, "/", `\/`),
		page, strings.NewReplacer("&#34;", "&quot;", "&#39;", "&#x27;").Replace(page), url.QueryEscape(text), url.PathEscape(text),
	}
}

// escapeASCII escapes the characters of a JSON string that Python escapes and Go does not.
func escapeASCII(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r <= '~' {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}

func (r redactor) text(s string) string { return r.replacer.Replace(s) }

func (r redactor) header(h http.Header) http.Header {
	h = h.Clone()
	h.Del("Set-Cookie") // a session cookie of a sign-in page is as good as a token there
	for _, values := range h {
		for i := range values {
			values[i] = r.text(values[i])
		}
	}
	return h
}

// error redacts an error that quotes a response, as those of net/http and of decoders do. A redacted error wraps
// nothing.
func (r redactor) error(err error) error {
	text := err.Error()
	if clean := r.text(text); clean != text {
		return errors.New(clean)
	}
	return err
}

// setBody sets Body, Detail and Fields from a body, redacted. A Reason is matched with the body as it was received.
func (e *Error) setBody(r redactor, received []byte) {
	e.Body = []byte(r.text(string(received)))
	e.Body = e.Body[:min(len(e.Body), maxErrorBody)]
	e.Detail, e.Fields = readErrorText(e.Body)
	if !bytes.Equal(e.Body, received) {
		e.unredacted = func() (string, map[string][]string) { return readErrorText(received) }
	}
}
