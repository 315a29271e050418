"""Corruptions of one image in NumPy, from their published definitions.

They follow the parameters and the order of operations of Hendrycks and
Dietterich's benchmark in float64, one image at a time, and take the random
numbers as arguments. `levels=True` also rounds where the benchmark's 8-bit
images do. Images have shape `(H, W, C)`.
"""

import math

import numpy as np

PALE_TURQUOISE = np.array([175, 238, 238]) / 255
MUD_BROWN = np.array([63, 42, 20]) / 255
ICE = np.array([0.8, 0.9, 1.0])


def luma(color):
    """Brightness of colours on the last axis, ITU-R BT.601."""
    return (
        color[..., :1] * 0.299
        + color[..., 1:2] * 0.587
        + (color[..., 2:] * 0.114)
    )


def in_channels_of(image, color):
    """A colour, or its luma for an image with one channel."""
    return color if image.shape[-1] == 3 else luma(color)


def plasma(size, draw, decay):
    """Diamond-square on a periodic map, one point after the other.

    Args:
        size: Side of the map, a power of two.
        draw: Returns the noise `(3, n, n)` of a grid of `n` points a side.
        decay: How fast the noise gets smaller.
    """
    step, wibble, grid = size, 100.0, np.zeros((size, size))
    while step >= 2:
        half, noise = step // 2, wibble**2 * draw(size // step)
        places = range(0, size, step)
        for i, r in enumerate(places):
            for j, c in enumerate(places):
                corners = [
                    grid[(r + a) % size, (c + b) % size]
                    for a in (0, step)
                    for b in (0, step)
                ]
                grid[r + half, c + half] = np.mean(corners) + noise[0, i, j]
        sides = ((half, 0), (-half, 0), (0, half), (0, -half))
        for i, r in enumerate(places):
            for j, c in enumerate(places):
                for k, (a, b) in ((1, (r, c + half)), (2, (r + half, c))):
                    around = [
                        grid[(a + d) % size, (b + e) % size] for d, e in sides
                    ]
                    grid[a, b] = np.mean(around) + noise[k, i, j]
        step, wibble = half, wibble / decay
    return (grid - grid.min()) / (grid.max() - grid.min())


def clipped_zoom(field, factor):
    """The enlarged centre of a field `(H, W)`, at the size of the field."""
    for axis in (0, 1):
        size = field.shape[axis]
        cropped = math.ceil(size / factor)
        first = (size - cropped) // 2
        zoomed = round(cropped * factor)
        places = np.linspace(0, cropped - 1, zoomed)
        trim = (zoomed - size) // 2

        def enlarged(line, places=places, n=cropped, first=first):
            line = line[first : first + n]
            return np.interp(places, np.arange(n), line)

        field = np.apply_along_axis(enlarged, axis, field)
        field = np.take(field, np.arange(trim, trim + size), axis)
    return field


def motion_blur(field, radius, sigma, angle):
    """ImageMagick's motion blur of a field `(H, W)`, border pixels repeated."""
    weights = np.exp(
        -(np.arange(2 * math.ceil(radius) + 1) ** 2) / 2 / sigma**2
    )
    rows, columns = (np.arange(n) for n in field.shape)
    total = np.zeros(field.shape)
    for i, weight in enumerate(weights / weights.sum()):
        down, right = (
            i * turn(math.radians(angle)) - 0.5 for turn in (math.sin, math.cos)
        )
        # No rounding of another machine may choose another pixel.
        assert i == 0 or all(
            abs(each - round(each)) > 1e-5 for each in (down, right)
        )
        y = np.clip(rows + math.ceil(down), 0, len(rows) - 1)
        x = np.clip(columns + math.ceil(right), 0, len(columns) - 1)
        total += weight * field[y[:, None], x]
    return total


def gaussian(field, sigma):
    """A Gaussian blur of a field `(H, W)`, border pixels repeated."""
    reach = int(4 * sigma + 0.5)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    for axis in (0, 1):
        wide = np.pad(
            field, [(reach * (axis == a),) * 2 for a in (0, 1)], "edge"
        )
        field = sum(
            weight * np.take(wide, np.arange(i, i + field.shape[axis]), axis)
            for i, weight in enumerate(weights / weights.sum())
        )
    return field


def correlated(field, kernel):
    """Correlation with a kernel of 3 x 3, mirrored at the border pixels."""
    wide, (height, width) = np.pad(field, 1, "reflect"), field.shape
    return sum(
        kernel[i, j] * wide[i : i + height, j : j + width]
        for i in range(3)
        for j in range(3)
    )


def above(field, threshold):
    """The field, 0 below a threshold that no value is close to."""
    assert np.abs(field - threshold).min() > 1e-6
    return np.where(field < threshold, 0.0, field)


def snow(image, parameters, noise, angle, levels=False):
    """Whiter, with flakes and the flakes turned by 180 degrees."""
    mean, sigma, zoom, threshold, radius, blur, share = parameters
    flakes = clipped_zoom(mean + sigma * noise, zoom)
    flakes = np.clip(above(flakes, threshold), 0.0, 1.0)
    if levels:
        flakes = np.floor(255 * flakes) / 255
    flakes = motion_blur(flakes, radius, blur, angle)
    if levels:
        flakes = np.round(255 * flakes) / 255
    grey = luma(image) if image.shape[-1] == 3 else image
    whiter = np.maximum(image, 1.5 * grey + 0.5)
    image = share * image + (1 - share) * whiter
    both = flakes + np.rot90(flakes, 2)
    return np.clip(image + both[..., None], 0.0, 1.0)


def frost(image, parameters, draw):
    """The benchmark's mixture, of a drawn texture in place of a photograph."""
    share, ice = parameters
    height, width = image.shape[:2]
    size = 2 ** math.ceil(math.log2(max(height, width)))
    cloud = plasma(size, draw, 2.0)[:height, :width, None]
    texture = (1 - np.abs(2 * cloud - 1)) ** 2 * in_channels_of(image, ICE)
    return np.clip(share * image + ice * texture, 0.0, 1.0)


def distance_to_edge(wet):
    """Distance of each pixel to the nearest border pixel of drops, up to 20."""
    height, width = wet.shape
    places = np.stack(np.indices(wet.shape), -1)
    edge = []
    for r, c in places[wet]:
        around = ((r - 1, c), (r + 1, c), (r, c - 1), (r, c + 1))
        inside = [p for p in around if p[0] in range(height)]
        inside = [p for p in inside if p[1] in range(width)]
        if not all(wet[p] for p in inside):
            edge.append((r, c))
    if not edge:
        return np.full(wet.shape, 20.0)
    away = places[:, :, None] - np.array(edge)
    return np.minimum(np.sqrt((away**2).sum(-1)).min(-1), 20.0)


def equalize(levels):
    """OpenCV's histogram equalisation of whole levels of 0 to 255."""
    counts = np.bincount(levels.ravel().astype(int), minlength=256)
    first, total = counts.nonzero()[0][0], levels.size
    if counts[first] == total:
        return levels
    share = (np.cumsum(counts) - counts[first]) / (total - counts[first])
    return np.round(255 * share)[levels.astype(int)]


def spatter(image, parameters, noise):
    """Drops of water with relief, or mud."""
    mean, sigma, blur, threshold, strength, mud = parameters
    liquid = above(gaussian(mean + sigma * noise, blur), threshold)
    if mud:
        wet = above(gaussian((liquid > 0) * 1.0, strength), 0.8)[..., None]
        return (1 - wet) * image + wet * in_channels_of(image, MUD_BROWN)
    mean_of_9 = np.full((3, 3), 1 / 9)
    # A mean of nine equal distances is whole but for rounding.
    depth = correlated(distance_to_edge(liquid > 0), mean_of_9)
    depth = equalize(np.floor(depth + 1e-3))
    relief = np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]])
    depth = np.clip(correlated(depth, relief), 0, 255)
    depth = np.round(correlated(depth, mean_of_9))
    drops = np.floor(255 * liquid) * depth
    drops = strength * drops / max(drops.max(), 1e-9)
    color = in_channels_of(image, PALE_TURQUOISE)
    return np.clip(image + drops[..., None] * color, 0.0, 1.0)
