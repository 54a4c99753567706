// Package parquet reads the rows that a reference is made of from Parquet files. It
// is apart from package reference, so that the executor does not carry the library.
package parquet

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/prime-radiant/radiant/reference"
)

// Is reports whether a file is one of Parquet, by its first bytes.
func Is(body []byte) bool { return bytes.HasPrefix(body, []byte("PAR1")) }

// Rows reads the columns of a file: numbers, booleans as 0 and 1, and text. Nested
// columns, dates and decimals, and values that are missing are errors.
func Rows(body []byte) (columns []reference.Column, err error) {
	defer func() {
		// The library panics at some files that are damaged.
		if v := recover(); v != nil {
			columns, err = nil, fmt.Errorf("the Parquet file is damaged: %v", v)
		}
	}()
	file, err := parquet.OpenFile(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		return nil, fmt.Errorf("opening the Parquet file: %w", err)
	}
	fields := file.Schema().Fields()
	if len(fields) > reference.MaxFeatures {
		return nil, fmt.Errorf("%d columns are more than the %d that a reference may have", len(fields), reference.MaxFeatures)
	}
	for i, field := range fields {
		c := reference.Column{Name: field.Name()}
		if err = readable(field); err == nil {
			err = read(&c, file, i, !isSigned(field))
		}
		if err != nil {
			return nil, fmt.Errorf("column %d, %q: %w", i, c.Name, err)
		}
		columns = append(columns, c)
	}
	return columns, nil
}

// readable refuses what is no plain number and no text: a request would hold
// something else than the file.
func readable(field parquet.Field) error {
	if !field.Leaf() || field.Repeated() {
		return errors.New("it is nested")
	}
	logical := field.Type().LogicalType()
	if logical == nil {
		return nil
	}
	switch logical.Value.(type) {
	case nil, *format.StringType, *format.EnumType, *format.IntType:
		return nil
	}
	return fmt.Errorf("its type is %s: want numbers, booleans or text", strings.ToLower(logical.String()))
}

func isSigned(field parquet.Field) bool {
	if logical := field.Type().LogicalType(); logical != nil {
		if whole, ok := logical.Value.(*format.IntType); ok {
			return whole.IsSigned
		}
	}
	return true
}

// read reads the column of that number, of all groups of rows.
func read(c *reference.Column, file *parquet.File, column int, unsigned bool) error {
	row := 0
	for _, group := range file.RowGroups() {
		pages := group.ColumnChunks()[column].Pages()
		for {
			page, err := pages.ReadPage()
			if errors.Is(err, io.EOF) {
				break
			}
			if err == nil {
				values := make([]parquet.Value, page.NumValues())
				if _, err = page.Values().ReadValues(values); errors.Is(err, io.EOF) {
					err = nil
				}
				for i := 0; i < len(values) && err == nil; i++ {
					err = add(c, values[i], unsigned)
					row++
				}
			}
			if err != nil {
				return errors.Join(fmt.Errorf("row %d: %w", max(row-1, 0), err), pages.Close())
			}
		}
		if err := pages.Close(); err != nil {
			return err
		}
	}
	return nil
}

func add(c *reference.Column, v parquet.Value, unsigned bool) error {
	if v.IsNull() {
		return errors.New("there is no value")
	}
	var number float64
	switch kind := v.Kind(); {
	case kind == parquet.ByteArray:
		c.Words = append(c.Words, string(v.ByteArray()))
		return nil
	case kind == parquet.Boolean && v.Boolean():
		number = 1
	case kind == parquet.Boolean:
	case kind == parquet.Int32 && unsigned:
		number = float64(v.Uint32())
	case kind == parquet.Int64 && unsigned:
		number = float64(v.Uint64())
	case kind == parquet.Int32:
		number = float64(v.Int32())
	case kind == parquet.Int64:
		number = float64(v.Int64())
	case kind == parquet.Float:
		number = float64(v.Float())
	case kind == parquet.Double:
		number = v.Double()
	default:
		return fmt.Errorf("its type is %s: want numbers, booleans or text", kind)
	}
	c.Numbers = append(c.Numbers, number)
	return nil
}
