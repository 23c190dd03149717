package source

import "strings"

type netrcEntry struct{ machine, login, password string }

// parseNetrc reads the machines of a netrc file. The default entry and macros
// are passed over. What is odd is skipped: the file is for several tools, and
// none of them complains.
func parseNetrc(data []byte) []netrcEntry {
	var entries []netrcEntry
	var cur *netrcEntry
	key, macro := "", false
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if macro {
			macro = line != "" // a macro ends at an empty line
			continue
		}
		for _, word := range netrcWords(line) {
			switch key {
			case "machine":
				entries = append(entries, netrcEntry{machine: strings.ToLower(word)})
				cur = &entries[len(entries)-1]
			case "login":
				if cur != nil {
					cur.login = word
				}
			case "password":
				if cur != nil {
					cur.password = word
				}
			case "macdef":
				macro = true
			}
			if key != "" {
				key = ""
				continue
			}
			switch word {
			case "machine", "login", "password", "account", "macdef":
				key = word
			case "default":
				cur = nil
			}
		}
	}
	return entries
}

// netrcWords splits a line at white space, with "quoted words", up to a
// comment.
func netrcWords(line string) []string {
	var words []string
	for {
		line = strings.TrimLeft(line, " \t")
		switch {
		case line == "" || line[0] == '#' && len(words)%2 == 0:
			// After a key "#" begins a value: passwords may.
			return words
		case line[0] == '"':
			var w strings.Builder
			i := 1
			for ; i < len(line) && line[i] != '"'; i++ {
				if line[i] == '\\' && i+1 < len(line) {
					i++
				}
				w.WriteByte(line[i])
			}
			words, line = append(words, w.String()), line[min(i+1, len(line)):]
		default:
			i := strings.IndexAny(line, " \t")
			if i < 0 {
				i = len(line)
			}
			words, line = append(words, line[:i]), line[i:]
		}
	}
}

func findNetrc(entries []netrcEntry, host string) Credential {
	host = strings.ToLower(host)
	for _, e := range entries {
		if e.machine == host && e.password != "" {
			return Credential{Username: e.login, Password: e.password}
		}
	}
	return Credential{}
}
