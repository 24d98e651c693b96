package deistest

import (
	"fmt"
	"strings"
	"unicode"
)

// International host names, by the rules of IDNA 2008 (RFC 5891) as far as they matter for names that people use. A
// library would have all of them, and would cost every importer of this module.

const acePrefix = "xn--"

// longestLabel is the limit of the DNS.
const longestLabel = 63

// toASCIILabel converts one label of a host name. One that is in ASCII stays as it is, in the case that it has.
func toASCIILabel(label string) (ascii, problem string) {
	if isASCII(label) {
		lower := strings.ToLower(label)
		decoded := lower
		if encoded, isACE := strings.CutPrefix(lower, acePrefix); isACE {
			var ok bool
			if decoded, ok = decodePunycode(encoded); !ok {
				return "", "Invalid A-label"
			}
		}
		if problem := labelProblem(decoded); problem != "" {
			return "", problem
		}
		ascii = label
	} else {
		if problem := labelProblem(label); problem != "" {
			return "", problem
		}
		ascii = acePrefix + punycode(label)
	}
	if len(ascii) > longestLabel {
		return "", "Label too long"
	}
	return ascii, ""
}

// labelProblem says what is wrong with a label in its international form.
func labelProblem(label string) string {
	runes := []rune(label)
	switch {
	case len(runes) == 0:
		return "Empty Label"
	case len(runes) > 3 && runes[2] == '-' && runes[3] == '-':
		return "Label has disallowed hyphens in 3rd and 4th position"
	case runes[0] == '-' || runes[len(runes)-1] == '-':
		return "Label must not start or end with a hyphen"
	case unicode.Is(unicode.M, runes[0]):
		return "Label begins with an illegal combining character"
	}
	for i, r := range runes {
		if !allowedInLabel(runes, i) {
			return fmt.Sprintf("Codepoint U+%04X at position %d of %s not allowed", r, i+1, pythonQuoted(label))
		}
	}
	return ""
}

// allowedInLabel reports whether IDNA 2008 allows a character where it stands: letters that have no other form (no
// upper case, no compatibility form), marks and digits.
func allowedInLabel(runes []rune, i int) bool {
	r := runes[i]
	switch {
	case r <= unicode.MaxASCII:
		return r == '-' || unicode.IsDigit(r) || unicode.IsLower(r)
	case r == '·': // between two l only, as in Catalan
		return i > 0 && i+1 < len(runes) && runes[i-1] == 'l' && runes[i+1] == 'l'
	case r == '・': // beside Japanese only
		return strings.ContainsFunc(string(runes), func(r rune) bool {
			return unicode.In(r, unicode.Hiragana, unicode.Katakana, unicode.Han) && r != '・'
		})
	case unicode.Is(compatibilityForms, r) || unicode.ToLower(r) != r:
		return false
	}
	return unicode.In(r, unicode.Ll, unicode.Lo, unicode.Lm, unicode.Mn, unicode.Mc, unicode.Nd)
}

// compatibilityForms are the ranges of letters that are other ways to write other letters.
var compatibilityForms = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x00aa, Hi: 0x00aa, Stride: 1}, {Lo: 0x00ba, Hi: 0x00ba, Stride: 1}, {Lo: 0x0132, Hi: 0x0133, Stride: 1},
		{Lo: 0x0149, Hi: 0x0149, Stride: 1}, {Lo: 0x017f, Hi: 0x017f, Stride: 1}, {Lo: 0x01c4, Hi: 0x01cc, Stride: 1},
		{Lo: 0x02b0, Hi: 0x02b8, Stride: 1}, {Lo: 0x1100, Hi: 0x11ff, Stride: 1}, {Lo: 0x1d2c, Hi: 0x1d6a, Stride: 1},
		{Lo: 0x2070, Hi: 0x218b, Stride: 1}, {Lo: 0x2c7c, Hi: 0x2c7d, Stride: 1}, {Lo: 0x3131, Hi: 0x318e, Stride: 1},
		{Lo: 0xf900, Hi: 0xfaff, Stride: 1}, {Lo: 0xfb00, Hi: 0xfeff, Stride: 1}, {Lo: 0xff00, Hi: 0xffef, Stride: 1},
	},
	R32:         []unicode.Range32{{Lo: 0x1d400, Hi: 0x1d7ff, Stride: 1}, {Lo: 0x2f800, Hi: 0x2fa1f, Stride: 1}},
	LatinOffset: 2,
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII })
}

// The numbers of RFC 3492.
const (
	punyBase, punyMin, punyMax, punySkew, punyDamp = 36, 1, 26, 38, 700
	punyStart, punyBias                            = 0x80, 72
)

const punyDigits = "abcdefghijklmnopqrstuvwxyz0123456789"

// punyThreshold is t(j) of the RFC: how the digit at a weight is read.
func punyThreshold(k, bias int) int { return min(max(k-bias, punyMin), punyMax) }

// punyAdapt is the new bias after a delta.
func punyAdapt(delta, points int, first bool) (bias int) {
	if first {
		delta /= punyDamp
	} else {
		delta /= 2
	}
	delta += delta / points
	for ; delta > (punyBase-punyMin)*punyMax/2; bias += punyBase {
		delta /= punyBase - punyMin
	}
	return bias + (punyBase-punyMin+1)*delta/(delta+punySkew)
}

// punycode is the ASCII form of an international label, without its prefix.
func punycode(label string) string {
	runes := []rune(label)
	var out []byte
	for _, r := range runes {
		if r < punyStart {
			out = append(out, byte(r))
		}
	}
	basic := len(out)
	if basic > 0 {
		out = append(out, '-')
	}
	n, delta, bias := rune(punyStart), 0, punyBias
	for done := basic; done < len(runes); {
		next := rune(unicode.MaxRune)
		for _, r := range runes {
			if r >= n {
				next = min(next, r)
			}
		}
		delta += int(next-n) * (done + 1)
		n = next
		for _, r := range runes {
			if r < n {
				delta++
			}
			if r != n {
				continue
			}
			rest := delta
			for k := punyBase; ; k += punyBase {
				t := punyThreshold(k, bias)
				if rest < t {
					out = append(out, punyDigits[rest])
					break
				}
				out = append(out, punyDigits[t+(rest-t)%(punyBase-t)])
				rest = (rest - t) / (punyBase - t)
			}
			bias = punyAdapt(delta, done+1, done == basic)
			done++
			delta = 0
		}
		delta++
		n++
	}
	return string(out)
}

// decodePunycode is the international form of a label in lower case, which comes without its prefix.
func decodePunycode(encoded string) (label string, ok bool) {
	var runes []rune
	rest := encoded
	if i := strings.LastIndexByte(encoded, '-'); i >= 0 {
		runes, rest = []rune(encoded[:i]), encoded[i+1:]
	}
	n, at, bias := punyStart, 0, punyBias
	for rest != "" {
		before, weight := at, 1
		for k := punyBase; ; k += punyBase {
			if rest == "" {
				return "", false
			}
			digit := strings.IndexByte(punyDigits, rest[0])
			rest = rest[1:]
			at += digit * weight
			if digit < 0 || at > unicode.MaxRune*longestLabel {
				return "", false
			}
			t := punyThreshold(k, bias)
			if digit < t {
				break
			}
			weight *= punyBase - t
		}
		bias = punyAdapt(at-before, len(runes)+1, before == 0)
		n += at / (len(runes) + 1)
		at %= len(runes) + 1
		if n > unicode.MaxRune {
			return "", false
		}
		runes = append(runes[:at], append([]rune{rune(n)}, runes[at:]...)...)
		at++
	}
	return string(runes), true
}
