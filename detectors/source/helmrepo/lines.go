package helmrepo

import (
	"bytes"
	"fmt"
	"io"
)

// The bounds of what is held in memory at once.
const (
	firstBuffer = 256 << 10
	maxLine     = 8 << 20
)

// layoutError is a line that the line scanner will not vouch for. The index
// may be fine: a full parser must say.
type layoutError struct {
	line int
	why  string
}

func (e *layoutError) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.why) }

// lineReader cuts a file into lines with one buffer.
type lineReader struct {
	src       io.ReaderAt
	off, size int64
	buf       []byte
	start     int // first byte not yet handed out
	seen      int // up to here there is no line feed after start
	end       int
	line      int  // 1-based number of the line handed out last
	open      bool // that line had no line feed: the file ends in it
}

// newLineReader reads the first size bytes of src.
func newLineReader(src io.ReaderAt, size int64) *lineReader {
	return &lineReader{src: src, size: size, buf: make([]byte, firstBuffer)}
}

// next returns the next line without its break, valid until the call after;
// io.EOF after the last one.
func (r *lineReader) next() ([]byte, error) {
	for {
		if i := bytes.IndexByte(r.buf[r.seen:r.end], '\n'); i >= 0 {
			text := r.buf[r.start : r.seen+i]
			r.start = r.seen + i + 1
			r.seen = r.start
			r.line++
			if n := len(text); n > 0 && text[n-1] == '\r' {
				text = text[:n-1]
			}
			return text, nil
		}
		r.seen = r.end
		if r.off == r.size {
			if r.start == r.end {
				return nil, io.EOF
			}
			text := r.buf[r.start:r.end]
			r.start = r.end
			r.line++
			r.open = true
			return text, nil
		}
		if err := r.fill(); err != nil {
			return nil, err
		}
	}
}

// fill reads on, and looks at the new bytes for what YAML takes for a line
// break and this reader does not.
func (r *lineReader) fill() error {
	if r.start > 0 {
		copy(r.buf, r.buf[r.start:r.end])
		r.end -= r.start
		r.seen -= r.start
		r.start = 0
	}
	if r.end == len(r.buf) {
		if len(r.buf) >= maxLine {
			return fmt.Errorf("read index: line %d is longer than %d MB", r.line+1, maxLine>>20)
		}
		grown := make([]byte, 2*len(r.buf))
		copy(grown, r.buf[:r.end])
		r.buf = grown
	}
	want := min(int64(len(r.buf)-r.end), r.size-r.off)
	n, err := r.src.ReadAt(r.buf[r.end:r.end+int(want)], r.off)
	if n == 0 {
		if err == nil || err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("read index: %w", err)
	}
	// A break may begin in the last two bytes that were there before.
	from := max(r.end-2, 0)
	r.end += n
	r.off += int64(n)
	if foreignBreak(r.buf[from:r.end], r.off == r.size) {
		return &layoutError{r.line + 1, "a carriage return or Unicode line break within a line"}
	}
	return nil
}

// foreignBreak reports a bare carriage return, NEL, LS or PS in b. A carriage
// return that ends b is judged with the bytes that follow, unless it is last.
func foreignBreak(b []byte, last bool) bool {
	for i := 0; ; {
		j := bytes.IndexByte(b[i:], '\r')
		if j < 0 {
			break
		}
		i += j + 1
		if i == len(b) && last || i < len(b) && b[i] != '\n' {
			return true
		}
	}
	return bytes.Contains(b, []byte("\u0085")) ||
		bytes.Contains(b, []byte("\u2028")) || bytes.Contains(b, []byte("\u2029"))
}

// indentOf counts the leading spaces.
func indentOf(b []byte) int {
	for i, c := range b {
		if c != ' ' {
			return i
		}
	}
	return len(b)
}

// closing returns the offset in b, at or after from, of the quote that closes
// a quoted scalar, and whether an escape stands before it; -1 if it stays open.
func closing(b []byte, from int, quote byte) (end int, escaped bool) {
	for i := from; i < len(b); {
		j := bytes.IndexByte(b[i:], quote)
		if quote == '"' {
			// The first backslash before the quote hides what follows it.
			stop := len(b)
			if j >= 0 {
				stop = i + j
			}
			if k := bytes.IndexByte(b[i:stop], '\\'); k >= 0 {
				escaped = true
				i += k + 2
				continue
			}
		}
		if j < 0 {
			return -1, escaped
		}
		i += j
		if quote == '\'' && i+1 < len(b) && b[i+1] == '\'' {
			escaped = true
			i += 2
			continue
		}
		return i, escaped
	}
	return -1, escaped
}

// onlyComment reports whether nothing but blanks and a comment follows a value.
func onlyComment(b []byte) bool {
	n := indentOf(b)
	return n == len(b) || n > 0 && b[n] == '#'
}
