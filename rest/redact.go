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

// A server can echo what it was sent. What is kept of a response, in an error, a log or a dump, is redacted: each secret
// of the call, verbatim and as it stands in JSON, HTML and URLs. This holds for an honest echo. A hostile server has the
// secret already.

const redacted = "[redacted]"

// minSecret is the length from which a secret is redacted: an error must stay readable after a password of "a".
const minSecret = 4

// A redactor replaces the secrets of one call. The zero value replaces nothing.
type redactor struct{ replacer *strings.Replacer }

// newRedactor makes the redactor for some secrets. Controllers trim some of them before they echo.
func newRedactor(secrets []string) redactor {
	var all []string
	for _, secret := range secrets {
		for _, secret := range []string{secret, strings.TrimSpace(secret), Sanitize(secret)} {
			if len(secret) >= minSecret {
				all = append(all, forms(secret)...)
			}
		}
	}
	slices.SortFunc(all, func(a, b string) int { // the longest first: one can be a part of another
		return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b))
	})
	var pairs []string
	for _, form := range slices.Compact(all) {
		pairs = append(pairs, form, redacted)
	}
	return redactor{strings.NewReplacer(pairs...)}
}

// forms lists how a text can stand in what a server says. Go, Python and PHP differ in what they escape.
func forms(text string) []string {
	quoted, err := json.Marshal(text)
	if err != nil { // cannot be: it is text
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

// escapeASCII escapes what is left in a JSON text that Python would escape.
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
	h.Del("Set-Cookie") // of a sign-in page, which is as good as a token there
	for _, values := range h {
		for i := range values {
			values[i] = r.text(values[i])
		}
	}
	return h
}

// error redacts an error that quotes what a server said, as those of net/http and of decoders do. What is below such an
// error goes with the secret.
func (r redactor) error(err error) error {
	said := err.Error()
	if text := r.text(said); text != said {
		return errors.New(text)
	}
	return err
}

// body redacts what an error keeps of a response, and returns how to find its reason in what came.
func (e *Error) redactBody(r redactor, came []byte) {
	e.Body = []byte(r.text(string(came)))
	e.Body = e.Body[:min(len(e.Body), maxErrorBody)]
	e.Detail, e.Fields = describe(e.Body)
	if !bytes.Equal(e.Body, came) {
		e.said = func() (string, map[string][]string) { return describe(came) }
	}
}
