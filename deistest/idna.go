package deistest

import (
	"fmt"
	"strings"
	"unicode"
)

// International host names, by the rules of IDNA 2008 (RFC 5891) that matter for names in use. A library would have all
// rules, but every importer of this module would depend on it.

const acePrefix = "xn--"

// longestLabel is the limit of the DNS.
const longestLabel = 63

// toASCIILabel converts one label of a host name. An ASCII label stays as it is, upper case included.
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

// labelProblem returns what is wrong with a label in its international form.
func labelProblem(label string) string {
	runes := []rune(label)
	switch {
	case len(runes) == 0:
		return "Empty Label"
	case isDecomposed(runes):
		return "Label must be in Normalization Form C"
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

// isDecomposed reports whether a letter is written as two characters, base and accent, although one character has both.
// It assumes that there is one for Latin and Cyrillic letters with common accents, and for Japanese ones.
func isDecomposed(runes []rune) bool {
	for i := 1; i < len(runes); i++ {
		base, mark := runes[i-1], runes[i]
		common := mark >= 0x300 && mark <= 0x30c || mark == 0x327 || mark == 0x328
		if common && unicode.In(base, unicode.Latin, unicode.Cyrillic) || (mark == 0x3099 || mark == 0x309a) &&
			unicode.In(base, unicode.Hiragana, unicode.Katakana) {
			return true
		}
	}
	return false
}

// allowedInLabel reports whether IDNA 2008 allows a character at its position: letters (neither upper case nor
// compatibility forms), marks and digits.
func allowedInLabel(runes []rune, i int) bool {
	r := runes[i]
	switch {
	case r <= unicode.MaxASCII:
		return r == '-' || unicode.IsDigit(r) || unicode.IsLower(r)
	case r == '·': // between two l only, as in Catalan
		return i > 0 && i+1 < len(runes) && runes[i-1] == 'l' && runes[i+1] == 'l'
	case r == '〇': // a number that counts as a letter
		return true
	case r == '・': // only in a label with Japanese characters
		return strings.ContainsFunc(string(runes), func(r rune) bool {
			return unicode.In(r, unicode.Hiragana, unicode.Katakana, unicode.Han) && r != '・'
		})
	case unicode.Is(compatibilityForms, r) || unicode.ToLower(r) != r:
		return false
	}
	return unicode.In(r, unicode.Ll, unicode.Lo, unicode.Lm, unicode.Mn, unicode.Mc, unicode.Nd)
}

// compatibilityForms are the ranges of letters and marks that stand for other letters and marks.
var compatibilityForms = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x00aa, 0x00aa, 1}, {0x00b5, 0x00b5, 1}, {0x00ba, 0x00ba, 1}, {0x0132, 0x0133, 1}, {0x0140, 0x0140, 1},
		{0x0149, 0x0149, 1}, {0x017f, 0x017f, 1}, {0x01c4, 0x01cc, 1}, {0x01f3, 0x01f3, 1}, {0x02b0, 0x02b8, 1},
		{0x02e0, 0x02e4, 1}, {0x0340, 0x0345, 1}, {0x034f, 0x034f, 1}, {0x0374, 0x0374, 1}, {0x037a, 0x037a, 1},
		{0x03d0, 0x03d6, 1}, {0x03f0, 0x03f5, 1}, {0x0587, 0x0587, 1}, {0x0640, 0x0640, 1}, {0x0675, 0x0678, 1},
		{0x07fa, 0x07fa, 1}, {0x0958, 0x095f, 1}, {0x0e33, 0x0e33, 1}, {0x0eb3, 0x0eb3, 1}, {0x0edc, 0x0edd, 1},
		{0x0f73, 0x0f79, 1}, {0x0f81, 0x0f81, 1}, {0x10fc, 0x10fc, 1}, {0x1100, 0x11ff, 1}, {0x13f8, 0x13fd, 1},
		{0x180b, 0x180f, 1}, {0x1c80, 0x1c88, 1}, {0x1d2c, 0x1d6a, 1}, {0x1d78, 0x1d78, 1}, {0x1d9b, 0x1dbf, 1},
		{0x1e9a, 0x1e9b, 1}, {0x1f71, 0x1f7d, 2}, {0x1f80, 0x1faf, 1}, {0x1fb2, 0x1fb4, 1}, {0x1fb7, 0x1fb7, 1},
		{0x1fbe, 0x1fbe, 1}, {0x1fc2, 0x1fc4, 1}, {0x1fc7, 0x1fc7, 1}, {0x1fd3, 0x1fd3, 1}, {0x1fe3, 0x1fe3, 1},
		{0x1ff2, 0x1ff4, 1}, {0x1ff7, 0x1ff7, 1}, {0x2070, 0x218b, 1}, {0x2c7c, 0x2c7d, 1}, {0x302e, 0x302f, 1},
		{0x3031, 0x3035, 1}, {0x303b, 0x303b, 1}, {0x309f, 0x309f, 1}, {0x30ff, 0x30ff, 1}, {0x3131, 0x318e, 1},
		{0xa960, 0xa97c, 1}, {0xab5c, 0xab5f, 1}, {0xab70, 0xabbf, 1}, {0xd7b0, 0xd7fb, 1}, {0xf900, 0xfa0d, 1},
		{0xfa10, 0xfa10, 1}, {0xfa12, 0xfa12, 1}, {0xfa15, 0xfa1e, 1}, {0xfa20, 0xfa20, 1}, {0xfa22, 0xfa22, 1},
		{0xfa25, 0xfa26, 1}, {0xfa2a, 0xfb1d, 1}, {0xfb1f, 0xfe1f, 1}, {0xfe30, 0xfeff, 1}, {0xff00, 0xffef, 1},
	},
	R32: []unicode.Range32{
		{0x10781, 0x107ba, 1}, {0x1d400, 0x1d7ff, 1}, {0x1ee00, 0x1eebb, 1}, {0x1fbf0, 0x1fbf9, 1},
		{0x2f800, 0x2fa1f, 1},
	},
	LatinOffset: 3,
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII })
}

// The parameters of RFC 3492.
const (
	punyBase, punyMin, punyMax, punySkew, punyDamp = 36, 1, 26, 38, 700
	punyStart, punyBias                            = 0x80, 72
)

const punyDigits = "abcdefghijklmnopqrstuvwxyz0123456789"

// punyThreshold is t(j) of the RFC, the threshold for the digit at position j; k is 36 times (j+1).
func punyThreshold(k, bias int) int { return min(max(k-bias, punyMin), punyMax) }

// punyAdapt returns the new bias after a delta.
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

// punycode returns the ASCII form of an international label, without the prefix.
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

// decodePunycode returns the international form of a label in lower-case ASCII, given without the prefix.
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
