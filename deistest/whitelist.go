package deistest

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// A whitelist has the addresses that may reach an app. It is a part of the app's settings that has its own path.

type whitelistJSON struct {
	Addresses []string `json:"addresses"`
}

func getWhitelist(q *request) *response {
	return ok(whitelistJSON{q.app.currentSettings().whitelist})
}

// allowAddresses adds addresses to the whitelist.
func allowAddresses(q *request) *response {
	addresses, stop := q.readAddresses()
	if stop != nil {
		return stop
	}
	next := q.nextSettings()
	for _, address := range addresses {
		if !slices.Contains(next.whitelist, address) {
			next.whitelist = append(next.whitelist, address)
		}
	}
	if stop := q.storeSettings(next); stop != nil {
		return stop
	}
	return created(whitelistJSON{next.whitelist})
}

// disallowAddresses removes addresses from the whitelist, which must have all of them.
func disallowAddresses(q *request) *response {
	addresses, stop := q.readAddresses()
	if stop != nil {
		return stop
	}
	next := q.nextSettings()
	var unknown []string
	for _, address := range addresses {
		if !slices.Contains(next.whitelist, address) {
			unknown = append(unknown, pythonQuoted(address))
		}
	}
	if len(unknown) > 0 {
		return detail(http.StatusUnprocessableEntity, "addresses {%s} does not exist in whitelist",
			strings.Join(unknown, ", "))
	}
	next.whitelist = slices.DeleteFunc(next.whitelist, func(address string) bool {
		return slices.Contains(addresses, address)
	})
	if stop := q.storeSettings(next); stop != nil {
		return stop
	}
	return empty(http.StatusNoContent)
}

// readAddresses reads the addresses in a body. It takes a text for the list of its characters, as Python does.
func (q *request) readAddresses() ([]string, *response) {
	data, stop := q.anyObject()
	if stop != nil {
		return nil, stop
	}
	var list []string
	switch sent := data["addresses"].(type) {
	case []any:
		for _, item := range sent {
			list = append(list, q.pythonString(item))
		}
	case string:
		list = strings.Split(sent, "")
	case map[string]any:
		list = sortedKeys(sent)
	default:
		return nil, q.crash()
	}
	for _, address := range list {
		if !isAddress(address) {
			return nil, jsonResponse(http.StatusBadRequest, []string{invalidAddress(address)})
		}
	}
	return list, nil
}

// longestAddress is the maximum length of an address in the settings.
const longestAddress = 50

// whitelistField reads the list that replaces the whitelist; nil if it is missing or refused.
func (s *serializer) whitelistField() []string {
	if !s.has("whitelist") {
		return nil
	}
	sent, isList := s.data["whitelist"].([]any)
	switch {
	case !isList:
		s.fail("whitelist", fmt.Sprintf(`Expected a list of items but got type "%s".`,
			pythonType(s.data["whitelist"], s.q.v2())))
		return nil
	case len(sent) == 0 && s.q.late23():
		s.fail("whitelist", "This list may not be empty.")
		return nil
	}
	list := []string{}
	for _, item := range sent {
		address := strings.TrimSpace(s.q.pythonString(item))
		switch {
		case len(address) > longestAddress:
			s.fail("whitelist", fmt.Sprintf("Ensure this field has no more than %d characters.", longestAddress))
			return nil
		case !isAddress(address):
			s.fail("whitelist", invalidAddress(address))
			return nil
		}
		list = append(list, address)
	}
	return list
}

func invalidAddress(address string) string { return "The address " + address + " is not valid" }

// isAddress reports whether a text is an address, a network or an address within a network, as Python reads them:
// "10.0.0.1", "10.0.0.0/8", "10.0.0.1/8", "10.0.0.0/255.0.0.0", "2001:db8::1".
func isAddress(s string) bool {
	host, size, isNetwork := strings.Cut(s, "/")
	address, err := netip.ParseAddr(host)
	if err != nil || !isNetwork {
		return err == nil
	}
	if mask := net.ParseIP(size).To4(); mask != nil && address.Is4() {
		return isMask(mask)
	}
	_, err = address.WithZone("").Prefix(number(size))
	return err == nil && size != "" && strings.Trim(size, "0123456789") == ""
}

// isMask reports whether a mask is ones followed by zeros, or zeros followed by ones.
func isMask(mask net.IP) bool {
	inverse := net.IPv4Mask(^mask[0], ^mask[1], ^mask[2], ^mask[3])
	return maskSize(net.IPMask(mask)) >= 0 || maskSize(inverse) >= 0
}

// maskSize returns the length of a mask, -1 if it is not one.
func maskSize(mask net.IPMask) int {
	ones, bits := mask.Size()
	if bits == 0 {
		return -1
	}
	return ones
}
