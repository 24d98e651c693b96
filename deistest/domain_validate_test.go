package deistest_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis/deistest"
)

func TestDomainNames(t *testing.T) {
	const (
		invalid  = "400 Hostname does not look valid."
		wildcard = "400 Adding a wildcard subdomain is currently not supported."
		inUse    = "400 Domain is already in use by another application"
		codec    = "400 Hostname does not look valid, could not convert to ACE "
	)
	added := func(name string) string { return `201 "domain":"` + name + `"` }
	// API 2.2 complains about the quotation mark that Python puts before a label.
	quote := func(name, label string) string {
		return codec + name + `: Codepoint U+0027 at position 2 of "b'` + label + `'" not allowed`
	}
	taken := []string{anApp, `POST /apps/example-go/domains/ {"domain": "taken.example.com"}`,
		`POST /apps/example-go/domains/ {"domain": "plain.example.com."}`}
	validate(t, "POST /apps/example-go/domains/", taken, []fieldInput{
		{`{"domain": "a.example.com"}`, added("a.example.com"), added("a.example.com"), added("a.example.com")},
		{`{"domain": "a-b.example.com"}`, "201", "201", "201"},
		{`{"domain": "dot.example.com."}`, added("dot.example.com"), added("dot.example.com"), added("dot.example.com")},
		{`{"domain": "dots.example.com.."}`, invalid, codec + "dots.example.com.: No Input", codec + "dots.example.com.: Empty Label"},
		{`{"domain": " a.com "}`, invalid, added("a.com"), added("a.com")},
		{`{"domain": "a.com\n"}`, `201 "domain":"a.com\n"`, added("a.com"), added("a.com")},
		{`{"domain": "UPPER.com"}`, added("UPPER.com"), added("UPPER.com"), added("UPPER.com")},
		{`{"domain": "single"}`, "201", "201", "201"},
		{`{"domain": "single1"}`, invalid, "201", "201"},
		{`{"domain": "12345"}`, invalid, invalid, invalid},
		{`{"domain": 12345}`, invalid, invalid, invalid},
		{`{"domain": "10.0.0.1"}`, invalid, invalid, invalid},
		{`{"domain": "1.2.example.com"}`, invalid, "201", "201"},
		{`{"domain": "1a.example.com"}`, "201", "201", "201"},
		{`{"domain": "a--b.com"}`, invalid, "201", "201"},
		{`{"domain": "ab--c.com"}`, invalid, quote("ab--c.com", "ab--c"), codec + "ab--c.com: Label has disallowed hyphens in 3rd and 4th position"},
		{`{"domain": "*.a.com"}`, wildcard, added("*.a.com"), added("*.a.com")},
		{`{"domain": "*"}`, wildcard, "400 Hostname can't only be a wildcard", "400 Hostname can't only be a wildcard"},
		{`{"domain": "*."}`, wildcard, "400 Hostname can't only be a wildcard", "400 Hostname can't only be a wildcard"},
		{`{"domain": "a.*.com"}`, invalid, quote("a.*.com", "*"), codec + "a.*.com: Codepoint U+002A at position 1 of '*' not allowed"},
		{`{"domain": "*a.com"}`, invalid, quote("*a.com", "*a"), codec + "*a.com: Codepoint U+002A at position 1 of '*a' not allowed"},
		{`{"domain": "a_b.com"}`, invalid, quote("a_b.com", "a_b"), codec + "a_b.com: Codepoint U+005F at position 2 of 'a_b' not allowed"},
		{`{"domain": "a b.com"}`, invalid, quote("a b.com", "a b"), codec + "a b.com: Codepoint U+0020 at position 2 of 'a b' not allowed"},
		{`{"domain": "http://a.com"}`, invalid, quote("http://a.com", "http://a"), codec + "http://a.com: Codepoint U+003A at position 5 of 'http://a' not allowed"},
		{`{"domain": "-a.com"}`, invalid, quote("-a.com", "-a"), codec + "-a.com: Label must not start or end with a hyphen"},
		{`{"domain": "a-.com"}`, invalid, quote("a-.com", "a-"), codec + "a-.com: Label must not start or end with a hyphen"},
		{`{"domain": "a..com"}`, invalid, codec + "a..com: No Input", codec + "a..com: Empty Label"},
		{`{"domain": ".a.com"}`, invalid, codec + ".a.com: No Input", codec + ".a.com: Empty Label"},
		{`{"domain": "."}`, invalid, codec + ": No Input", codec + ": Empty Label"},
		{`{"domain": "` + long(63) + `.com"}`, "201", "201", "201"},
		{`{"domain": "` + long(64) + `.com"}`, invalid, quote(long(64)+".com", long(64)), codec + long(64) + ".com: Label too long"},
		{`{"domain": "` + strings.Repeat("a.", 126) + `a"}`, "201", "201", "201"},
		{`{"domain": "` + strings.Repeat("a.", 127) + `a"}`, "201", "400 Hostname must be 253 characters or less.", "400 Hostname must be 253 characters or less."},
		{`{"domain": "` + strings.Repeat("a.", 128) + `a"}`, "400 Hostname must be 255 characters or less.", "400 Hostname must be 253", "400 Hostname must be 253"},
		{`{"domain": "тест.example.com"}`, invalid, added("xn--e1aybc.example.com"), added("xn--e1aybc.example.com")},
		{`{"domain": "bücher.example.com"}`, invalid, added("xn--bcher-kva.example.com"), added("xn--bcher-kva.example.com")},
		{`{"domain": "straße.de"}`, invalid, added("xn--strae-oqa.de"), added("xn--strae-oqa.de")},
		{`{"domain": "*.пример.испытание"}`, wildcard, added("*.xn--e1afmkfd.xn--80akhbyknj4f"), added("*.xn--e1afmkfd.xn--80akhbyknj4f")},
		{`{"domain": "xn--e1afmkfd.испытание"}`, invalid, added("xn--e1afmkfd.xn--80akhbyknj4f"), added("xn--e1afmkfd.xn--80akhbyknj4f")},
		{`{"domain": "xn--strae-oqa.de"}`, invalid, "201", "201"},
		{`{"domain": "XN--STRAE-OQA.DE"}`, invalid, "201", "201"},
		{`{"domain": "テスト.jp"}`, invalid, added("xn--zckzah.jp"), added("xn--zckzah.jp")},
		{`{"domain": "ラーメン.jp"}`, invalid, "201", "201"},
		{`{"domain": "col·legi.cat"}`, invalid, added("xn--collegi-xma.cat"), added("xn--collegi-xma.cat")},
		{`{"domain": "cafe\u0301.fr"}`, invalid, codec + "cafe\u0301.fr: Label must be in Normalization Form C", codec + "cafe\u0301.fr: Label must be in"},
		{`{"domain": "caf\u00e9.fr"}`, invalid, added("xn--caf-dma.fr"), added("xn--caf-dma.fr")},
		{`{"domain": "a·b.cat"}`, invalid, codec, codec},
		{`{"domain": "日本語.jp"}`, invalid, added("xn--wgv71a119e.jp"), added("xn--wgv71a119e.jp")},
		{`{"domain": "ТЕСТ.example.com"}`, invalid, codec + "ТЕСТ.example.com: Codepoint U+0422 at position 1 of 'ТЕСТ' not allowed", codec + "ТЕСТ.example.com: Codepoint U+0422"},
		{`{"domain": "😀.com"}`, invalid, codec + "😀.com: Codepoint U+1F600 at position 1 of '😀' not allowed", codec + "😀.com: Codepoint U+1F600"},
		{`{"domain": "ｗｉｄｅ.com"}`, invalid, codec, codec},
		{`{"domain": "xn--e1aybc.example.com"}`, invalid, added("xn--e1aybc.example.com"), added("xn--e1aybc.example.com")},
		{`{"domain": "xn--.com"}`, invalid, quote("xn--.com", "xn--"), codec},
		{`{"domain": "xn--a.com"}`, invalid, quote("xn--a.com", "xn--a"), codec},
		{`{"domain": "anything goes!.10.0.0.1.xip.io"}`, "201", codec, codec},
		{`{"domain": "taken.example.com"}`, notUnique, inUse, inUse},
		{`{"domain": "taken.example.com."}`, "400 The domain taken.example.com is already in use by another app", "400 The domain taken.example.com is already in use by another app", "400 The domain taken.example.com is already in use by another app"},
		{`{"domain": " plain.example.com"}`, invalid, inUse, inUse},
		{`{"domain": ["a"]}`, invalid, notText, notText},
		{`{"domain": true}`, added("True"), notText, notText},
		{`{"domain": ""}`, notBlank, notBlank, notBlank},
		{`{"domain": "  "}`, invalid, notBlank, notBlank},
		{`{"domain": null}`, notNull, notNull, notNull},
		{`{}`, required, required, required},
		{`[1]`, crash16, crash, crash},
	})
}

func TestADomainIsTakenInEverySpelling(t *testing.T) {
	const inUse = "400 The domain бар.example.com is already in use by another app"
	taken := []string{anApp, `POST /apps/example-go/domains/ {"domain": "бар.example.com"}`}
	validate(t, "POST /apps/example-go/domains/", taken, []fieldInput{
		{`{"domain": "бар.example.com"}`, "-", inUse, inUse},
		{`{"domain": "бар.example.com."}`, "-", inUse, inUse},
		{`{"domain": "xn--80ab0c.example.com"}`, "-", "400 Domain is already in use by another application", "400 Domain is already in use by another application"},
	})
	for name, status := range map[string]int{"%D0%B1%D0%B0%D1%80.example.com": 204, "xn--80ab0c.example.com": 204, "XN--80AB0C.example.com": 404} {
		c := deistest.New()
		for _, request := range taken {
			_, body := send(t, c, request)
			require.NotEmpty(t, body)
		}
		runSteps(t, c, []step{{request: "DELETE /apps/example-go/domains/" + name, status: status}})
	}
}
