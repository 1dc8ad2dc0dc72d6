//! Reads standard base64 into a buffer of fixed size.
//!
//! Strict: padding is required, nothing is skipped, unused bits are zero, so one document has
//! one text. Not here: writing; a device sends no envelopes.

/// Decodes `text` into the front of `into`; `None` if it is not base64 or does not fit.
pub fn decode<'b>(text: &str, into: &'b mut [u8]) -> Option<&'b [u8]> {
    let text = text.as_bytes();
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    if padding > 2 {
        return None;
    }
    let length = text.len() / 4 * 3 - padding;
    let out = into.get_mut(..length)?;
    let digits = &text[..text.len() - padding];
    for (bytes, four) in out.chunks_mut(3).zip(digits.chunks(4)) {
        let mut bits = 0_u32;
        for digit in four {
            bits = bits << 6 | value(*digit)?;
        }
        bits <<= 6 * (4 - four.len());
        let all = bits.to_be_bytes();
        if all[1 + bytes.len()..].iter().any(|unused| *unused != 0) {
            return None;
        }
        bytes.copy_from_slice(&all[1..=bytes.len()]);
    }
    Some(out)
}

fn value(digit: u8) -> Option<u32> {
    let value = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn one_document_has_one_text() {
        let mut into = [0; 8];
        for (text, bytes) in
            [("", &b""[..]), ("Zg==", b"f"), ("Zm8=", b"fo"), ("Zm9v+/==", b"foo\xfb")]
        {
            assert_eq!(decode(text, &mut into), (text != "Zm9v+/==").then_some(bytes), "{text}");
        }
        for text in
            ["Zg", "Zg=", "Z===", "Zh==", "Zm9=", "Zm 8", "====", "Zm8=Zm8=", "Zm9vZm9vZm9v"]
        {
            assert_eq!(decode(text, &mut into), None, "{text}");
        }
    }
}
