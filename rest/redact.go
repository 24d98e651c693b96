package rest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// A server can echo what it was sent. What an error keeps of its answer is redacted.

const redacted = "[redacted]"

// minSecret is the length from which a secret is redacted: the text of an error must stay readable after a
// password of "a".
const minSecret = 4

// readBody reads what an error keeps of an answer, and redacts it.
func (e *Error) readBody(resp *http.Response, secrets []string) {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody)) // what came before an error is worth reading
	cutOff := err != nil || len(body) == maxErrorBody
	all, came := formsOf(secrets), body
	for _, form := range all {
		body = bytes.ReplaceAll(body, []byte(form), []byte(redacted))
	}
	if cutOff {
		for _, form := range all {
			body = redactEnd(body, form)
		}
	}
	e.Body = body[:min(len(body), maxErrorBody)]
	e.Detail, e.Fields = describe(e.Body)
	if e.says(all, secrets) { // in a form of its own, so that there is nothing to point at
		e.Body, e.Detail, e.Fields = []byte(redacted), redacted, nil
	}
	if !bytes.Equal(e.Body, came) {
		detail, fields := describe(came)
		e.said = func() (string, map[string][]string) { return detail, fields }
	}
}

// redactError takes the secrets out of an error that quotes an answer, as those of net/http and of decoders do, and
// bounds it. What is below such an error goes with them.
func redactError(err error, secrets []string) error {
	if err == nil {
		return nil
	}
	said := err.Error()
	text := said[:min(len(said), maxErrorBody)]
	for _, form := range formsOf(secrets) {
		for _, form := range []string{form, oneLine(form), url.PathEscape(form), url.QueryEscape(form), inQuotes(form)} {
			text = redactQuoted(text, form)
		}
	}
	plain := html.UnescapeString(text)
	if slices.ContainsFunc(secrets, func(s string) bool { return strings.Contains(plain, s) }) {
		text = redacted // in a form of its own
	}
	if text == said {
		return err
	}
	return errors.New(text)
}

// redactQuoted redacts a secret in a text, also where what is quoted was cut off in the middle of it.
func redactQuoted(text, secret string) string {
	if len(secret) < minSecret {
		return text
	}
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, secret[:minSecret])
		b.WriteString(before)
		if !found {
			return b.String()
		}
		n := minSecret
		for n < len(secret) && n-minSecret < len(after) && secret[n] == after[n-minSecret] {
			n++
		}
		if rest := after[n-minSecret:]; n == len(secret) || rest == "" || rest[0] == '"' {
			b.WriteString(redacted)
			text = rest
			continue
		}
		b.WriteString(secret[:minSecret])
		text = after
	}
}

// redactEnd redacts the beginning of a secret where a body was cut off in the middle of one.
func redactEnd(body []byte, secret string) []byte {
	for n := min(len(secret), len(body)); n >= minSecret; n-- {
		if bytes.HasSuffix(body, []byte(secret[:n])) {
			return append(body[:len(body)-n:len(body)-n], redacted...)
		}
	}
	return body
}

// says tells whether a secret is left in the error.
func (e *Error) says(forms, secrets []string) bool {
	texts := []string{e.Detail}
	for field, said := range e.Fields {
		texts = append(append(texts, oneLine(field)), said...)
	}
	text := strings.Join(texts, "\n")
	body := html.UnescapeString(string(e.Body))
	return slices.ContainsFunc(forms, func(s string) bool { return strings.Contains(text, s) }) ||
		slices.ContainsFunc(secrets, func(s string) bool {
			return strings.Contains(text, oneLine(s)) || strings.Contains(body, s)
		})
}

// secrets lists what a call sent that nobody else may see.
func (c *Client) secrets(call *call) []string {
	secrets := []string{c.config.Token()}
	var sent map[string]any
	if json.Unmarshal(call.sent, &sent) == nil {
		for _, key := range []string{"password", "new_password", "key"} {
			if secret, ok := sent[key].(string); ok {
				secrets = append(secrets, secret, strings.TrimSpace(secret))
			}
		}
	}
	for _, header := range call.header["Authorization"] {
		_, secret, found := strings.Cut(header, " ")
		if !found { // no scheme
			secret = header
		}
		secrets = append(secrets, secret)
	}
	return slices.DeleteFunc(secrets, func(s string) bool { return len(oneLine(s)) < minSecret })
}

// formsOf lists the forms of all secrets, the longest first: one can be a part of another.
func formsOf(secrets []string) []string {
	var all []string
	for _, secret := range secrets {
		all = append(all, forms(secret)...)
	}
	slices.SortFunc(all, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	return slices.Compact(all)
}

// inQuotes is how a text stands in an error that was made with %q.
func inQuotes(text string) string { return strings.Trim(strconv.Quote(text), `"`) }

// forms lists how a text stands in answers: as it is, in HTML, and in JSON as Go and as Python write it, which differ
// in what they escape.
func forms(text string) []string {
	all := []string{text, html.EscapeString(text)}
	for _, escapeHTML := range []bool{true, false} {
		var b strings.Builder
		encoder := json.NewEncoder(&b)
		encoder.SetEscapeHTML(escapeHTML)
		if err := encoder.Encode(text); err != nil { // cannot be: it is text
			continue
		}
		inner := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(b.String()), `"`), `"`)
		all = append(all, inner, escapeASCII(inner))
	}
	return all
}

// escapeASCII escapes what is left in a JSON text that Python would escape.
func escapeASCII(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r <= '~':
			b.WriteRune(r)
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		}
	}
	return b.String()
}
