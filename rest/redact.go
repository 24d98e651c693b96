package rest

import (
	"bytes"
	"cmp"
	"errors"
	"html"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A server can echo what it was sent. So everything that is kept of a response, in an error, a log or a dump, is
// redacted: each secret of the call, whether each of its characters is written as it is or is escaped as JSON, HTML and
// URLs allow. This is enough for an honest echo. A hostile server has the secret already.

const redacted = "[redacted]"

// minSecret is the length of the shortest secret that is redacted: with a password of "a", an error must stay readable.
const minSecret = 4

// A redactor replaces the secrets of one call, which it has sorted by length, the longest first: one can be part of
// another. The zero value replaces nothing.
type redactor struct{ secrets []string }

// newRedactor makes a redactor for some secrets. Controllers trim some of them before they echo them.
func newRedactor(secrets []string) redactor {
	var r redactor
	for _, secret := range secrets {
		for _, form := range []string{secret, strings.TrimSpace(secret), Sanitize(secret)} {
			if len(form) >= minSecret {
				r.secrets = append(r.secrets, form)
			}
		}
	}
	slices.SortFunc(r.secrets, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b)) })
	r.secrets = slices.Compact(r.secrets)
	return r
}

// readAtMost returns how much of a body beginning needs: the first 64 KiB, and so much more that a secret at their end
// is seen whole.
func (r redactor) readAtMost() int {
	const longestEscape = len(`\u0000`) // the usual ones
	if len(r.secrets) == 0 {
		return maxErrorBody
	}
	return maxErrorBody + longestEscape*len(r.secrets[0])
}

// beginning returns the first 64 KiB of a body, redacted.
func (r redactor) beginning(body []byte) string {
	text := r.prefix(string(body), min(len(body), maxErrorBody))
	return text[:min(len(text), maxErrorBody)]
}

// text replaces the secrets in a text.
func (r redactor) text(s string) string { return r.prefix(s, len(s)) }

// prefix returns the first n bytes of a text, and replaces the secrets that begin in them.
func (r redactor) prefix(s string, n int) string {
	if len(r.secrets) == 0 {
		return s[:n]
	}
	var b strings.Builder
	kept := 0 // s[:kept] is written
	for i := 0; i < n; {
		length := r.match(s[i:])
		if length == 0 {
			i++
			continue
		}
		b.WriteString(s[kept:i] + redacted)
		i += length
		kept = i
	}
	if kept < n {
		b.WriteString(s[kept:n])
	}
	return b.String()
}

// match returns the length of the secret at the beginning of a text, or 0.
func (r redactor) match(text string) int {
	escaped, _ := unescape(text)
	for _, secret := range r.secrets {
		if secret[0] != text[0] && (escaped == "" || secret[0] != escaped[0]) {
			continue
		}
		if n := matchSecret(text, secret); n > 0 {
			return n
		}
	}
	return 0
}

// matchSecret returns the length of a secret at the beginning of a text, or 0. It tries all ways to read the text: "%25"
// can stand for a %, or for itself.
func matchSecret(text, secret string) int {
	ends := []int{0} // where the part of the secret that is found already can end
	for secret != "" && len(ends) > 0 {
		_, size := utf8.DecodeRuneInString(secret)
		var next []int
		for _, end := range ends {
			if strings.HasPrefix(text[end:], secret[:size]) {
				next = append(next, end+size)
			}
			if escaped, n := unescape(text[end:]); n > 0 && escaped == secret[:size] {
				next = append(next, end+n)
			}
		}
		slices.Sort(next)
		ends, secret = slices.Compact(next), secret[size:]
	}
	if len(ends) == 0 {
		return 0
	}
	return ends[len(ends)-1]
}

// unescape reads the escaped character at the beginning of a text. It returns the character and how many bytes of the
// text it takes, or zero values if there is none.
func unescape(text string) (char string, n int) {
	if text == "" {
		return "", 0
	}
	switch text[0] {
	case '\\':
		return unescapeJSON(text)
	case '&':
		const longest = len("&#x0010ffff;")
		if end := strings.IndexByte(text[:min(len(text), longest)], ';'); end > 0 {
			return html.UnescapeString(text[:end+1]), end + 1
		}
	case '+':
		return " ", 1
	case '%':
		for n+3 <= len(text) && text[n] == '%' && len(char) < utf8.UTFMax {
			b, err := strconv.ParseUint(text[n+1:n+3], 16, 8)
			if err != nil {
				return "", 0
			}
			char, n = char+string([]byte{byte(b)}), n+3
			if utf8.FullRuneInString(char) {
				return char, n
			}
		}
	}
	return "", 0
}

// unescapeJSON does it for the escapes of JSON.
func unescapeJSON(text string) (char string, n int) {
	if len(text) < 2 {
		return "", 0
	}
	switch text[1] {
	case '"', '\\', '/', '\'':
		return text[1:2], 2
	case 'b', 'f', 'n', 'r', 't':
		return string("\b\f\n\r\t"[strings.IndexByte("bfnrt", text[1])]), 2
	}
	first, ok := utf16Unit(text)
	if !ok {
		return "", 0
	}
	const length = len(`\u0000`)
	if !utf16.IsSurrogate(first) {
		return string(first), length
	}
	second, ok := utf16Unit(text[length:])
	if !ok {
		return "", 0
	}
	return string(utf16.DecodeRune(first, second)), 2 * length
}

// utf16Unit reads an escape like \u002B at the beginning of a text.
func utf16Unit(text string) (unit rune, ok bool) {
	if len(text) < len(`\u0000`) || text[:2] != `\u` {
		return 0, false
	}
	code, err := strconv.ParseUint(text[2:6], 16, 16)
	return rune(code), err == nil
}

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
	e.Body = []byte(r.beginning(received))
	e.Detail, e.Fields = readErrorText(e.Body)
	e.Detail, e.Fields = r.text(e.Detail), r.fields(e.Fields) // a text in JSON can be escaped a second time
	if !bytes.Equal(e.Body, received) {
		e.unredacted = func() (string, map[string][]string) { return readErrorText(received) }
	}
}

func (r redactor) fields(fields map[string][]string) map[string][]string {
	clean := make(map[string][]string, len(fields))
	for field, texts := range fields {
		for i := range texts {
			texts[i] = r.text(texts[i])
		}
		clean[r.text(field)] = texts
	}
	if len(clean) == 0 {
		return nil
	}
	return clean
}
