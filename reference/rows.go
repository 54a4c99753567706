package reference

import (
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// Rows reads the rows of a file: CSV, whose first line may name the columns, or a
// NumPy array (.npy) of numbers, whose first dimension counts rows.
func Rows(body []byte) ([]Column, error) {
	if bytes.HasPrefix(body, []byte(npyMagic)) {
		return npyRows(body)
	}
	return csvRows(body)
}

// csvRows takes the first line for names if none of its cells is a number. A
// column is one of numbers if all of its cells are.
func csvRows(body []byte) ([]Column, error) {
	r := csv.NewReader(bytes.NewReader(body))
	r.TrimLeadingSpace = true
	var columns []Column
	for row := 0; ; row++ {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if row == 0 {
			columns = make([]Column, len(cells))
			if named(cells) {
				for i := range cells {
					columns[i].Name = cells[i]
				}
				continue
			}
		}
		for i, cell := range cells {
			columns[i].Words = append(columns[i].Words, cell)
		}
	}
	for i := range columns {
		if err := columns[i].numbers(); err != nil {
			return nil, fmt.Errorf("column %d: %w", i, err)
		}
	}
	return columns, nil
}

func named(cells []string) bool {
	for _, cell := range cells {
		if _, err := strconv.ParseFloat(cell, 64); err == nil {
			return false
		}
	}
	return true
}

// numbers makes a column one of numbers, if its cells are. One of which only some
// are is an error: a cell is missing, or misspelt.
func (c *Column) numbers() error {
	bad, first := 0, ""
	numbers := make([]float64, len(c.Words))
	for i, word := range c.Words {
		v, err := strconv.ParseFloat(strings.TrimSpace(word), 64)
		if err != nil {
			if bad++; bad == 1 {
				first = fmt.Sprintf("row %d is %q", i, word)
			}
		}
		numbers[i] = v
	}
	switch {
	case bad == 0:
		c.Numbers, c.Words = numbers, nil
	case bad < len(c.Words):
		return fmt.Errorf("%s, and others are numbers", first)
	}
	return nil
}

const npyMagic = "\x93NUMPY"

// npyRows reads the format of numpy.lib.format, versions 1 to 3, in C order.
func npyRows(body []byte) ([]Column, error) {
	if len(body) < 12 {
		return nil, errors.New("the .npy file ends too early")
	}
	start, length := 10, int(binary.LittleEndian.Uint16(body[8:]))
	if body[6] > 1 {
		start, length = 12, int(binary.LittleEndian.Uint32(body[8:]))
	}
	if length < 0 || start+length > len(body) {
		return nil, errors.New("the .npy file ends too early")
	}
	header, data := string(body[start:start+length]), body[start+length:]
	kind := regexp.MustCompile(`'descr': *'([^']+)'`).FindStringSubmatch(header)
	shape := regexp.MustCompile(`'shape': *\(([^)]*)\)`).FindStringSubmatch(header)
	if kind == nil || shape == nil || strings.Contains(header, "'fortran_order': True") {
		return nil, fmt.Errorf("the .npy file is none of numbers in C order: %s", strings.TrimSpace(header))
	}
	rows, width := 0, 1
	for i, word := range strings.Split(strings.TrimRight(shape[1], ", "), ",") {
		n, err := strconv.Atoi(strings.TrimSpace(word))
		switch {
		case err != nil || n < 1 || n > len(data):
			return nil, fmt.Errorf("the .npy file has the shape (%s)", shape[1])
		case i == 0:
			rows = n
		case width > MaxFeatures/n:
			return nil, fmt.Errorf("the .npy file has the shape (%s): rows may have %d features", shape[1], MaxFeatures)
		default:
			width *= n
		}
	}
	size, number := npyNumber(kind[1])
	if number == nil {
		return nil, fmt.Errorf("the .npy file holds %s: want numbers, such as <f8", kind[1])
	}
	if len(data) != rows*width*size {
		return nil, fmt.Errorf("the .npy file has %d bytes of data, and its shape (%s) needs %d", len(data), shape[1], rows*width*size)
	}
	columns := make([]Column, width)
	for i := range columns {
		columns[i].Numbers = make([]float64, rows)
		for r := range rows {
			columns[i].Numbers[r] = number(data[(r*width+i)*size:])
		}
	}
	return columns, nil
}

// npyNumber is how a number of that kind is read, and its size.
func npyNumber(kind string) (size int, read func([]byte) float64) {
	order := binary.LittleEndian
	switch kind {
	case "<f8":
		return 8, func(b []byte) float64 { return math.Float64frombits(order.Uint64(b)) }
	case "<f4":
		return 4, func(b []byte) float64 { return float64(math.Float32frombits(order.Uint32(b))) }
	case "<i8":
		return 8, func(b []byte) float64 { return float64(int64(order.Uint64(b))) } //nolint:gosec // the bits are those of a signed number
	case "<i4":
		return 4, func(b []byte) float64 { return float64(int32(order.Uint32(b))) } //nolint:gosec // the same
	case "|u1", "|b1":
		return 1, func(b []byte) float64 { return float64(b[0]) }
	}
	return 0, nil
}
